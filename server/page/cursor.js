// What is told of the moment that is pointed at: all values of the graph, their sum, and why there are none.

import { h, renew } from './dom.js';
import { moment } from './format.js';
import { valueWords } from './figures.js';
import { t, tn } from './i18n.js';

/** How far the tip stands off the cursor, px. */
const OFF = 14;
/** From so near, px, a mark is pointed at. */
const NEAR = 6;

const isKnown = (value) => value !== null && value !== undefined;

/** The point whose values are told: where there was no poll to be made, that of the one before. */
function pointOf(one, at) {
  for (let point = at; point >= 0 && point > at - 60; point -= 1)
    if (one.values.some((all) => all[point] !== undefined)) return point;
  return at;
}

const row = (swatch, name, words) => h('div', {}, swatch, h('span', {}, name), h('b', {}, words));

/** The values of a point; a stack has its uppermost layer first, and what it comes to last. */
function rowsOf(one, point) {
  const told = one.lines.map(({ name, colour }, position) => {
    if (one.off.has(position)) return null;
    const value = one.values[position][point];
    // Of several hosts the highest is first, as in the graph; one of which nothing is known is none of them.
    if (one.isSorted && !isKnown(value)) return null;
    return { value, row: row(h('i', { class: `sw ${colour}` }), name, valueWords(one.unit, value)) };
  });
  if (one.isSorted) told.sort((a, b) => (b?.value ?? 0) - (a?.value ?? 0));
  const rows = told.map((each) => each && each.row);
  if (one.kind === 'stack') rows.reverse();
  if (one.whole) {
    const parts = one.values.slice(0, one.whole.lines).map((all) => all[point]);
    const sum = parts.every((part) => !isKnown(part))
      ? null
      : parts.reduce((all, part) => all + (part ?? 0), 0);
    rows.push(row(h('i', {}), one.whole.name, valueWords(one.unit, sum)));
  }
  const [least, most] = one.range ? [one.range.min[point], one.range.max[point]] : [null, null];
  if (isKnown(least) && least !== most) {
    const words = [valueWords(one.unit, least), ' – ', valueWords(one.unit, most)].flat();
    rows.push(
      row(h('i', {}), one.rangeWords ?? t('{name}, least and most', { name: one.lines[0].name }), words),
    );
  }
  return rows;
}

/** What is told of a point: when, of how many polls, its values, what failed. */
function tell(one, point, why) {
  const { times, polls, failed, step } = one.fails;
  const count = polls[point] > 1 ? ` · ${tn(polls[point], '{n} poll', '{n} polls')}` : '';
  const when = h('b', { class: 'when' }, moment(times[point]).slice(11), count);
  const told = [when, ...rowsOf(one, point)];
  const left = one.plot.cursor.left;
  for (const { at, until, said } of one.marks) {
    const [begin, end] = [at, until ?? at].map((ms) => one.plot.valToPos(ms / 1000, 'x'));
    if (said && left > begin - NEAR && left < end + NEAR) told.push(h('p', {}, said));
  }
  if (failed[point]) {
    one.again ??= () => one.plot && hovered(one.plot, one, why);
    const outcomes = why.words(times[point], times[point] + step, failed[point], one.again);
    const words = t('{failed} of {polls} failed', { failed: failed[point], polls: polls[point] });
    told.push(h('p', {}, [words, outcomes].filter(Boolean).join(t(': '))));
  }
  return told;
}

/** Tells what is pointed at; graphs have one cursor, and the one that the pointer is over has the tip. */
export function hovered(self, one, why) {
  const { left, idx } = self.cursor;
  if (left >= 0) one.pointed = self.posToVal(left, 'x') * 1000;
  const isHere = left >= 0 && isKnown(idx) && one.isOver;
  if (!isHere) {
    if (!one.tip.hidden) one.tip.hidden = true;
    return;
  }
  const point = pointOf(one, idx);
  const isKnownHere = one.values.some((all) => isKnown(all[point])) || one.fails.failed[point] > 0;
  if (!isKnownHere) {
    one.tip.hidden = true;
    return;
  }
  renew(one.tip, ...tell(one, point, why));
  one.tip.hidden = false;
  // It stands on the side that has more room. Nothing is measured: that would lay out the page at each move.
  const room = self.bbox.width / devicePixelRatio;
  const isLeft = left > room / 2;
  one.tip.classList.toggle('at-left', isLeft);
  one.tip.style.transform = `translate(${Math.round(isLeft ? left - OFF - room : left + OFF)}px, 4px)`;
}
