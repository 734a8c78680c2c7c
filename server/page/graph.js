// One graph of a host: its card, and what is drawn in it of an answer.

import { h, fill, icon, renew } from './dom.js';
import { band } from './band.js';
import { chartTools } from './charttools.js';
import { headline } from './headline.js';
import { t, tn } from './i18n.js';
import { legend } from './legend.js';
import { heightOf, plot, toggle } from './plot.js';
import { tickWords } from './ticks.js';
import { stood } from './stood.js';
import { valuesOf } from './graphs.js';
import { uPlot } from './uplot.js';

/** So many points without a poll before the first one are a gap. */
const LEAD = 4;

const isKnown = (value) => value !== null && value !== undefined;

/** Without the library: the last value of each line. */
function listLast(one) {
  const row = ({ name }, position) => {
    const last = one.values[position].findLast(isKnown);
    const value = h('td', { class: 'num' }, isKnown(last) ? tickWords(one.unit, last) : '–');
    return h('tr', {}, h('th', { scope: 'row' }, name), value);
  };
  fill(one.place, h('table', {}, h('tbody', {}, one.lines.map(row))));
  one.states.place(0, one.place.clientWidth);
}

/** The button by which a graph fills the window. */
export function expander(title, onclick) {
  const label = t('{chart}, full screen', { chart: title });
  const props = { type: 'button', class: 'btn bare sm ic', 'aria-pressed': 'false', onclick };
  return h('button', { ...props, 'aria-label': label, title: t('Full screen') }, icon('expand', 's'));
}

/** A graph's card, with nothing drawn yet; `whole` has it fill the window, `takes` are those of [`chartTools`]. */
export function graph(spec, why, whole, takes) {
  const one = {
    ...spec,
    off: new Set(),
    rules: [],
    gaps: [],
    marks: [],
    wordsAt: [],
    values: [],
    begin: null,
    size: 'small',
  };
  one.place = h('div', { class: 'plot' });
  one.states = band();
  one.rulesList = h('ul', { class: 'rules', hidden: true });
  one.now = h('span', { class: 'now' });
  one.open = expander(spec.title, () => whole(one));
  one.tools = chartTools(one, takes);
  one.told = stood(one, why);
  one.isOf = (column) => spec.lines.some(({ plus, minus }) => minus.length === 0 && plus.includes(column));
  one.said = (value) => tickWords(spec.ruler ? 'pct' : spec.unit, value);
  one.legend = legend(one, (position) => toggle(one, position));
  one.empty = h('p', { class: 'empty', hidden: true }, t('No data in this period'));
  one.card = h(
    'section',
    { class: 'card chart', 'aria-label': spec.title, id: `chart-${spec.key}`, tabIndex: -1 },
    h('header', {}, h('h2', {}, spec.title), one.now, one.tools.element, one.open),
    one.place,
    one.states.element,
    one.legend.element,
    one.rulesList,
  );
  one.place.addEventListener('pointerenter', () => {
    one.isOver = true;
  });
  one.place.addEventListener('pointerleave', () => {
    one.isOver = false;
    if (one.tip) one.tip.hidden = true;
  });
  return one;
}

/** As wide as its place, and as high as its kind. */
export function size(one, width = one.place.clientWidth) {
  const height = heightOf(one);
  if (!one.plot || !width || (one.plot.width === width && one.plot.height === height)) return;
  one.plot.setSize({ width, height });
}

/** Why there is nothing to be drawn; null when there is. */
function idleOf(one, { polls, failed }) {
  const isEmpty = !one.values.some((all) => all.some(isKnown));
  if (!isEmpty) return one.values.every((all) => all.every((value) => !value)) ? '0' : null;
  if (one.isOfAttempts) return one.isTooMany ? t('for shorter spans') : null;
  return polls.some((count, point) => count > failed[point]) ? t('no values') : null;
}

/** Where what is known begins, when the host was not watched before; else null. */
function beginOf({ times, polls, step }, watched, from, to) {
  if (!watched || watched.at <= from) return null;
  const first = polls.findIndex((count) => count > 0);
  if (first < 0) return Math.min(watched.at, to);
  return times[first] > from + step ? times[first] : null;
}

/** What nobody asked about before the first poll, of a host that was watched by then. */
function leadOf({ times, polls }, from) {
  const first = polls.findIndex((count) => count > 0);
  return first >= LEAD ? [{ from, to: times[first], failed: 0 }] : [];
}

/** Draws what came of a span; `deeds` are those of [`plot`]. One that is idle is not drawn before it is asked for. */
export function draw(one, what, { from, to, states, watched }, deeds) {
  const { seconds, series, fails, step, ranges, gaps, marks } = what;
  Object.assign(one, { seconds, fails, step, marks, span: [from / 1000, to / 1000] });
  one.values = one.lines.map((each) => valuesOf(each, series, seconds.length));
  one.end = typeof one.most === 'string' ? (series.get(one.most)?.findLast(isKnown) ?? 0) : one.most;
  one.range = one.band ? (ranges.get(one.lines[0].plus[0]) ?? null) : null;
  one.isEmpty = !one.end && !one.values.some((all) => all.some(isKnown));
  one.begin = beginOf(fails, watched, from, to);
  one.beginWords = watched?.words ?? '';
  one.gaps = one.begin === null ? [...leadOf(fails, from), ...gaps] : gaps;
  one.isTooMany = what.isTooMany;
  one.idle = idleOf(one, fails);
  one.isDue = true;
  one.redraw = (width) => {
    one.isDue = false;
    one.states.draw(from, to, states, { ...fails, why: deeds.why });
    if (uPlot) plot(one, deeds, width);
    else listLast(one);
    one.place.append(one.empty);
    one.empty.hidden = one.begin !== null || one.values.some((all) => all.some(isKnown));
  };
}

/** Which rules are about it: its limits, and how often each fired in the span; and when any alarm fired. */
export function mark(one, rules, alarms) {
  const marked = JSON.stringify([rules, alarms]);
  if (one.marked === marked) return;
  Object.assign(one, { rules, alarms, marked });
  if (one.plot) one.isDue = true;
  const told = rules
    .filter(({ fired }) => fired.length > 0)
    .map(({ name, when, fired }) => {
      const times = tn(fired.length, 'fired once', 'fired {n} times');
      return h('li', {}, h('b', {}, name), ` ${when} · ${times}`);
    });
  renew(one.rulesList, told);
  one.rulesList.hidden = told.length === 0;
}

/** Shows the values of now, which columns have. */
export function show(one, value) {
  one.legend.show(value);
  renew(one.now, ...headline(one, value));
  if (!one.level) return;
  one.levelAt = value(one.level.column) ?? null;
  one.levelWords = one.level.words(one.levelAt);
}
