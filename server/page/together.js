// One column of several hosts in one graph: each of a few; of many how they spread, and who is outside of that.

import { h, fill } from './dom.js';
import { get } from './api.js';
import { nameOf } from './catalogue.js';
import { chartTools } from './charttools.js';
import { askedOf } from './comparing.js';
import { valueWords } from './figures.js';
import { unitOf } from './format.js';
import { latest } from './latest.js';
import { expander, size } from './graph.js';
import { t, tn } from './i18n.js';
import { plot } from './plot.js';
import { undue } from './points.js';
import { tickWords } from './ticks.js';
import { missing, uPlot } from './uplot.js';

const DIGITS = 4;
/** The colours of lines in their order; those after the last have them again, dashed, then dotted. */
const COLOURS = ['c1', 'c2', 'c4', 'c5', 'c3'];
const DASHES = [undefined, [7, 4], [2, 3]];
/** The line of the middle: it is nobody's. */
const MEDIAN = { name: t('median'), file: 'p50', colour: 'c6', dash: [5, 4], plus: [], minus: [] };

const isKnown = (value) => value !== null && value !== undefined;

/** How the line at a position looks. */
export const lookOf = (position) => ({
  colour: COLOURS[position % COLOURS.length],
  dash: DASHES[Math.floor(position / COLOURS.length) % DASHES.length],
});

/** Values with what lies between polls as undefined, which lines go over; `counts` are the polls of each point. */
function joined(times, counts, all) {
  const skipped = undue(times, counts);
  return all.map((values) => values.map((value, point) => (skipped[point] ? undefined : value)));
}

/** What lines come to in each point: the mean or the sum of those that are known there. */
function summed(lines, length, isSum) {
  return Array.from({ length }, (_, point) => {
    const known = lines.map(({ values }) => values.avg[point]).filter(isKnown);
    const sum = known.reduce((all, value) => all + value, 0);
    return known.length ? sum / (isSum ? 1 : known.length) : null;
  });
}

/** An answer as one line: what its hosts come to. Shares are never summed: that of several is their mean. */
export function pooled({ step_ms: step, start_ms: start, lines, spread, ...answer }, drawn, unit) {
  const isSum = drawn === 'sum' && unit !== 'pct' && unit !== 'ms' && unit !== 'us';
  const length = spread ? spread.mean.length : (lines[0]?.values.avg.length ?? 0);
  const times = Array.from({ length }, (_, point) => start + point * step);
  const values = spread
    ? spread.mean.map((mean, point) => (mean === null || !isSum ? mean : mean * spread.hosts[point]))
    : summed(lines, length, isSum);
  const counts = spread
    ? spread.hosts
    : times.map((_, point) => lines.reduce((most, one) => Math.max(most, one.values.count[point] ?? 0), 0));
  const own = isSum ? { name: t('Sum'), file: 'sum' } : { name: t('Mean'), file: 'mean' };
  const line = { ...own, plus: [], minus: [], wide: 2, ...lookOf(0) };
  return {
    seconds: times.map((ms) => ms / 1000),
    lines: [line],
    values: joined(times, counts, [values]),
    range: null,
    isBand: false,
    fails: { times, polls: [], failed: [], step },
    step,
    tier: answer.tier,
    hosts: answer.hosts,
    isPooled: true,
    isSum,
  };
}

/** An answer about several hosts as a graph takes it: moments, lines with their values, the band around the middle. */
export function drawable({ step_ms: step, start_ms: start, lines, spread, ...answer }) {
  const length = spread ? spread.p50.length : (lines[0]?.values.avg.length ?? 0);
  const times = Array.from({ length }, (_, point) => start + point * step);
  const each = lines.map(({ host, values }, position) => ({
    line: { name: host, isNamed: true, plus: [], minus: [], wide: spread ? 2 : 1.5, ...lookOf(position) },
    values: joined(times, values.count, [values.avg])[0],
  }));
  const [p10, p50, p90] = spread ? joined(times, spread.hosts, [spread.p10, spread.p50, spread.p90]) : [];
  const all = spread ? [{ line: MEDIAN, values: p50 }, ...each] : each;
  return {
    seconds: times.map((ms) => ms / 1000),
    lines: all.map(({ line }) => line),
    values: all.map(({ values }) => values),
    range: spread ? { min: p10, max: p90 } : null,
    isBand: Boolean(spread),
    fails: { times, polls: [], failed: [], step },
    step,
    tier: answer.tier,
    hosts: answer.hosts,
    isPooled: false,
  };
}

/** What stands in the head of a graph: what its lines are. */
function keyOf({ hosts, range, lines, values, unit, isPooled, isSum }) {
  if (isPooled) {
    const now = values[0].findLast(isKnown) ?? null;
    const words = isSum
      ? tn(hosts, 'sum of {n} host', 'sum of {n} hosts')
      : tn(hosts, 'mean of {n} host', 'mean of {n} hosts');
    return [h('span', {}, words, ' ', h('b', {}, valueWords(unit, now)))];
  }
  if (!range) return [tn(hosts, '{n} host', '{n} hosts')];
  const middle = values[0].findLast(isKnown) ?? null;
  const outside = lines.length - 1;
  return [
    h('span', {}, h('i', { class: 'sw spread' }), 'p10 – p90'),
    h('span', {}, h('i', { class: 'sw dashed' }), t('median'), ' ', h('b', {}, valueWords(unit, middle))),
    h('span', {}, t('{n} of {all} outside', { n: outside, all: hosts })),
  ];
}

/** Without the library: the last value of each line. */
const listed = (one) =>
  h(
    'table',
    {},
    one.lines.map(({ name }, position) =>
      h(
        'tr',
        {},
        h('th', { scope: 'row' }, name),
        h('td', { class: 'num' }, valueWords(one.unit, one.values[position].findLast(isKnown) ?? null)),
      ),
    ),
  );

/** What a graph has beside its lines, and what [`plot`] takes of a graph of one host. */
const blank = () => ({
  kind: 'lines',
  ends: true,
  off: new Set(),
  lines: [],
  values: [],
  rules: [],
  gaps: [],
  marks: [],
  begin: null,
  rangeNames: ['p10', 'p90'],
  rangeWords: 'p10 – p90',
  isSorted: true,
  states: { place() {} },
  told: { element: h('div', { class: 'stood' }), place() {} },
  wordsAt: [],
});

const isPooled = ({ top, drawn }) => !top && (drawn === 'mean' || drawn === 'sum');

/** Draws what hosts of a view were like from one moment to another; what came of it, or nothing when outrun. */
const loader =
  (one, read, wrong, questions) =>
  async (view, [from, to]) => {
    const isWanted = questions.ask(JSON.stringify([view, from]));
    try {
      const answer = await read(view, from, to);
      if (!isWanted()) return null;
      const made = isPooled(view) ? pooled(answer, view.drawn, one.unit) : drawable(answer);
      Object.assign(one, made, { span: [from / 1000, to / 1000] });
      wrong.hidden = true;
      one.place.hidden = false;
      one.redraw();
      size(one);
      one.tools.point();
      return one;
    } catch (error) {
      if (!isWanted()) return null;
      wrong.textContent = error.message;
      wrong.hidden = false;
      one.place.hidden = true;
      return null;
    }
  };

/** Asks for a column of the hosts of a view. */
const series = (column) => (view, from, to) =>
  get('api/v1/series', { ...askedOf(view), column, from, to, digits: DIGITS });

/**
 * A graph of a column; `deeds`: those of [`plot`], `whole(one)` to fill the window, `named()` what a file of it is
 * called after, `pinned()` the chart of a board that it is, `annotated()` the hosts that a note on it is about; and
 * where it is no plain column of the view: its `key`, its `title`, and `read(view, from, to)`, which asks for it.
 */
export function together(column, big, deeds) {
  const unit = unitOf(column);
  const { key: id = column, title = nameOf(column), read = series(column) } = deeds;
  const one = { ...blank(), key: id, title, unit, size: big ? 'big' : 'large' };
  const questions = latest();
  const key = h('span', { class: 'key' });
  const empty = h('p', { class: 'empty', hidden: true }, t('No data in this period'));
  const wrong = h('p', { class: 'none', role: 'status', hidden: true });
  one.open = expander(one.title, () => deeds.whole(one));
  one.place = h('div', { class: 'plot' });
  one.isOf = (asked) => asked === column;
  one.said = (value) => tickWords(unit, value);
  one.tools = chartTools(one, deeds);
  const head = h('header', {}, h('h2', {}, one.title), key, one.tools.element, one.open);
  const card = { class: `card chart ${big ? 'big' : ''}`, id: `chart-${id}`, tabIndex: -1 };
  one.card = h('section', { ...card, 'aria-label': one.title }, head, one.place, wrong);
  one.place.addEventListener('pointerenter', () => {
    one.isOver = true;
  });
  one.place.addEventListener('pointerleave', () => {
    one.isOver = false;
    if (one.tip) one.tip.hidden = true;
  });

  one.redraw = () => {
    const names = one.lines.map(({ name }) => name).join('\n');
    // One with the same lines is kept: what is pointed at stays so.
    if (one.plot && one.names !== names) {
      one.plot.destroy();
      one.plot = null;
    }
    one.names = names;
    if (uPlot) plot(one, deeds);
    else fill(one.place, h('p', {}, missing), listed(one));
    one.place.append(empty);
    empty.hidden = one.values.some((all) => all.some(isKnown));
    fill(key, keyOf(one));
  };
  one.load = loader(one, read, wrong, questions);
  /** Shows what happened to its hosts meanwhile. */
  one.mark = (marks) => {
    one.marks = marks;
    one.plot?.redraw(false);
  };
  one.leave = () => {
    questions.end();
    one.plot?.destroy();
    one.plot = null;
  };
  return one;
}
