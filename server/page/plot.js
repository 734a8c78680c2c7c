// One chart: a host's lines over a span, by uPlot.

import { h, fill, colour } from './dom.js';
import { withUnit, unitOf, moment } from './format.js';
import { lone } from './points.js';
import { uPlot } from './uplot.js';

/** Colours of lines in the theme's style, told apart by lightness as well as by hue (after Okabe and Ito). */
const LINES = 9;
const HEIGHT = 170;
/** Half of the last label lies right of the plot, px. */
const PADDING = [8, 26, 0, 0];
/** A shorter stretch than this, px, was no drag. */
const DRAGGED = 4;
/** Fewer points than these in view are drawn as dots, too. */
const DOTS = 60;

/** A threshold of more than so many times the highest value is out of sight: the values would be a flat line. */
const NEAR = 3;

const DAY_S = 86_400;
/** Whether the labels of a span have their day under them. */
const days = ({ scales: { x } }) => x.max - x.min >= DAY_S / 2;
/** Moments along the bottom, as fine as the span wants. */
function ticks(self, splits) {
  const span = self.scales.x.max - self.scales.x.min;
  let day = '';
  return splits.map((seconds) => {
    const [date, time] = moment(seconds * 1000).split(' ');
    if (span > 4 * DAY_S) return date.slice(5);
    const words = span < 600 ? time : time.slice(0, 5);
    const again = date === day;
    day = date;
    return again || !days(self) ? words : `${words}\n${date.slice(5)}`;
  });
}

/** Steps of an axis of bytes: powers of two, so that its labels are short. */
const BINARY = Array.from({ length: 60 }, (_, power) => 2 ** power);

/** Digits after the point that steps so wide have, at most four. */
const decimals = (step) => Math.min(4, (String(step).split('.')[1] ?? '0000').length);

/** The upper end of an axis: never 0 high, and percentages of a whole up to 100. */
const top = (most, high) => (most ? Math.max(most, high ?? 0) : (high ?? 0) > 0 ? high * 1.08 : 1);

/** Lines are switched by keys as by clicks. */
function legend(one) {
  const table = one.plot.root.querySelector('.u-legend');
  table.setAttribute('role', 'group');
  table.setAttribute('aria-label', `Lines of ${one.title}`);
  [...table.querySelectorAll('.u-series')].slice(1).forEach((row) => {
    const name = row.querySelector('th');
    Object.assign(name, { tabIndex: 0, title: 'Show or hide this line' });
    name.setAttribute('role', 'button');
    name.setAttribute('aria-pressed', 'true');
    // The value beside the name is as good a place to hit.
    row.addEventListener('click', (event) => {
      if (!name.contains(event.target)) name.click();
    });
    name.addEventListener('keydown', (event) => {
      if (event.key !== 'Enter' && event.key !== ' ') return;
      event.preventDefault();
      name.click();
    });
  });
}

/** Shades the moments of which polls brought no values: a gap is no line that is missing by chance. */
function shade(self, { times, polls, failed, step }) {
  const { left, top: above, width, height } = self.bbox;
  const x = (ms) => Math.min(left + width, Math.max(left, self.valToPos(ms / 1000, 'x', true)));
  self.ctx.save();
  self.ctx.fillStyle = colour('down');
  failed.forEach((count, point) => {
    if (!count) return;
    self.ctx.globalAlpha = 0.06 + 0.14 * (count / Math.max(1, polls[point]));
    const begin = x(times[point]);
    self.ctx.fillRect(begin, above, Math.max(devicePixelRatio, x(times[point] + step) - begin), height);
  });
  self.ctx.restore();
}

/** Shades the stretches in which alarms about this chart fired. */
function alarmed(self, { rules }) {
  const { left, top: above, width, height } = self.bbox;
  const x = (ms) => Math.min(left + width, Math.max(left, self.valToPos(ms / 1000, 'x', true)));
  self.ctx.save();
  self.ctx.globalAlpha = 0.18;
  for (const { begin, end, severity } of rules.flatMap(({ fired }) => fired)) {
    self.ctx.fillStyle = colour(severity);
    self.ctx.fillRect(x(begin), above, Math.max(devicePixelRatio, x(end) - x(begin)), height);
  }
  self.ctx.restore();
}

/** Draws the thresholds of rules, each in the colour of the line that it is compared with. */
function thresholds(self, { rules, columns }) {
  const { left, width } = self.bbox;
  const { ctx } = self;
  ctx.save();
  ctx.lineWidth = devicePixelRatio * 1.5;
  ctx.setLineDash([6 * devicePixelRatio, 4 * devicePixelRatio]);
  for (const { column, lines } of rules) {
    ctx.strokeStyle = colour(`chart-${columns.indexOf(column) % LINES}`);
    const { min, max } = self.scales.y;
    for (const value of lines.filter((one) => one >= min && one <= max)) {
      const y = self.valToPos(value, 'y', true);
      ctx.beginPath();
      ctx.moveTo(left, y);
      ctx.lineTo(left + width, y);
      ctx.stroke();
    }
  }
  ctx.restore();
}

/** The highest that is drawn: a threshold that the values come near to, or at which something fired, is in sight. */
function highest({ rules }, high) {
  const most = high ?? 0;
  const isSeen = ({ fired, lines }) => fired.length > 0 || lines.every((value) => value <= NEAR * most);
  return Math.max(most, ...rules.filter(isSeen).flatMap(({ lines }) => lines));
}

/** Says why there is a gap where the cursor is. */
function explain(one, self, why) {
  const { times, polls, failed, step } = one.fails;
  const { left } = self.cursor;
  const point = left >= 0 ? Math.floor((self.posToVal(left, 'x') * 1000 - times[0]) / step) : -1;
  one.gap.hidden = !failed[point];
  if (one.gap.hidden) return;
  one.again ??= () => one.plot && explain(one, one.plot, why);
  const outcomes = why.words(times[point], times[point] + step, failed[point], one.again);
  one.gap.textContent = `${failed[point]} of ${polls[point]} failed${outcomes ? `: ${outcomes}` : ''}`;
}

/** Labels are as fine as the steps between them, and no longer: two that are the same say nothing. */
const labels = (unit) => (self, splits, axis, space, step) =>
  splits.map((value) => {
    if (step < 1) return `${value.toFixed(decimals(step))}${unit === 'pct' ? ' %' : ''}`;
    return withUnit(unit, value).replace('.0 ', ' ');
  });

function axes(unit) {
  // Colours are asked for at each drawing: the theme may have changed.
  const grid = { stroke: () => colour('line'), width: 1 };
  const axis = { stroke: () => colour('soft'), grid, ticks: grid, font: '11px system-ui, sans-serif' };
  const steps = unit.startsWith('bytes') ? { incrs: BINARY } : {};
  return [
    { ...axis, values: ticks, space: 64, size: (self) => (days(self) ? 42 : 28) },
    { ...axis, values: labels(unit), size: 68, ...steps },
  ];
}

/** While nothing is pointed at the legend has the last value there is. */
const lastOf = (self, position) =>
  self.data?.[position]?.findLast((value) => value !== null && value !== undefined) ?? null;

function line(one, column, position) {
  return {
    label: one.lines[column],
    stroke: colour(`chart-${position % LINES}`),
    width: 1.5,
    spanGaps: false,
    points: {
      show: (self, series, first, last) => last - first < DOTS,
      // A value between two gaps has no line, so it gets a dot.
      filter: (self, series, all) => (all ? null : lone(self.data[series])),
      size: 4,
    },
    value: (self, value, series, index) =>
      withUnit(unitOf(column), index === null || index === undefined ? lastOf(self, series) : value),
  };
}

const MOMENTS = {
  label: 'At',
  value: (self, seconds) =>
    seconds === null || seconds === undefined ? 'last value' : moment(seconds * 1000),
};

/** Says which lines are shown to those who do not see it. */
function pressed(self) {
  self.root
    .querySelectorAll('.u-series th[role=button]')
    .forEach((name, position) => name.setAttribute('aria-pressed', String(self.series[position + 1].show)));
}

/** Shows what was dragged out. */
function select(self, zoom) {
  const { left, width } = self.select;
  if (width < DRAGGED) return;
  const [begin, end] = [left, left + width].map((at) => Math.round(self.posToVal(at, 'x') * 1000));
  self.setSelect({ left: 0, top: 0, width: 0, height: 0 }, false);
  zoom(begin, end);
}

/** The strip of states lies under the lines that it explains, moment under moment. */
const under = ({ bbox }, strip) => strip.place(bbox.left / devicePixelRatio, bbox.width / devicePixelRatio);

function options(one, { zoom, widen, why }) {
  const widened = () => {
    widen();
    return null;
  };
  return {
    width: one.place.clientWidth || 420,
    height: HEIGHT,
    padding: PADDING,
    cursor: {
      // What is pointed at is shared with the host's other charts; what is dragged out is not: one drag is one zoom.
      sync: { key: 'host', filters: { pub: (type) => type !== 'mousedown' && type !== 'mouseup' } },
      drag: { x: true, y: false, setScale: false },
      bind: { dblclick: () => widened },
    },
    scales: {
      x: { range: () => one.span },
      y: { range: (self, low, high) => [Math.min(0, low ?? 0), top(one.most, highest(one, high))] },
    },
    axes: axes(unitOf(one.columns[0])),
    series: [MOMENTS, ...one.columns.map((column, position) => line(one, column, position))],
    hooks: {
      drawClear: [(self) => shade(self, one.fails), (self) => alarmed(self, one)],
      draw: [(self) => thresholds(self, one), (self) => under(self, one.states)],
      setCursor: [(self) => explain(one, self, why)],
      setSeries: [pressed],
      setSelect: [(self) => select(self, zoom)],
    },
  };
}

/** Draws a chart in its card; `deeds` are what is done when it is dragged over, double-clicked, pointed at. */
export function plot(one, data, deeds) {
  one.empty = h('p', { class: 'over' }, 'There is no data in this period.');
  one.gap = h('p', { class: 'gap', hidden: true });
  fill(one.place);
  one.plot = new uPlot(options(one, deeds), data, one.place);
  legend(one);
  one.plot.root.querySelector('.u-legend').before(one.states.element);
  one.place.append(one.empty, one.gap);
}
