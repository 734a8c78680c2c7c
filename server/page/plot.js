// One graph over a span, by uPlot: its lines, axes and cursor; what else is in it, others paint.

import { h, fill } from './dom.js';
import { ends as names, roomOf } from './ends.js';
import { moment } from './format.js';
import { heights } from './graphs.js';
import { areas, fired, marks, seen, thresholds, unknown } from './paint.js';
import { ink } from './inks.js';
import { grown } from './look.js';
import { lone } from './points.js';
import { axisOf, tickWords } from './ticks.js';
import { hovered } from './cursor.js';
import { uPlot } from './uplot.js';
import { isUtc } from './zone.js';

/** How high a graph is, px, axis included: a large one, a small one, and how much of it on a phone. */
const HIGH = { big: 392, large: 244, small: 200 };
const PHONE = 0.82;
const NARROW = matchMedia('(max-width: 640px)');
/** What stands above and below a graph that fills the window, px. */
const AROUND = 170;
/** Above the plot are marks and what gaps were, px. */
const ABOVE = 20;
/** A shorter stretch than this, px, was no drag. */
const DRAGGED = 4;
/** What lies further away than this, px, is not pointed at. */
const HOVER = 24;
/** A line that is pointed at from so near, px, dims the others to this. */
const NEAR = { prox: 16, alpha: 0.25 };
/** Fewer points than these in view are drawn as dots, too. */
const DOTS = 40;
/** Steps of the upright axis; labels of the level one, and the least room for one, px. */
const STEPS = { big: 5, large: 4, small: 3 };
const LABELS = 6;
/** Steps between labels of the level axis, s. */
const MOMENTS = [
  1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10_800, 21_600, 43_200,
].concat([1, 2, 5, 7, 14].map((count) => count * 86_400));
const LABEL_PX = 76;
/** Room for the labels of the upright axis by unit, px. */
const ROOM = { bytes: 62, bytes_per_s: 74, us: 56, per_s: 56, pct: 50 };

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

export const heightOf = (one) => {
  if (one.isWhole) return Math.max(HIGH.large, innerHeight - AROUND);
  return one.high ?? Math.round(HIGH[one.size] * (NARROW.matches ? PHONE : 1));
};

/** The upright axis: from 0, or as far down as up is, with limits and bands that are in sight. */
function rangeOf(one, low, high) {
  const band = one.range ? one.range.max.filter((value) => value !== null && value !== undefined) : [];
  const values = [high ?? 0, ...band];
  const most = Math.max(0, ...values);
  const bound = Math.max(most, -(low ?? 0));
  const ends = seen(one, bound).map(({ at }) => at);
  const level = one.levelAt && one.levelAt <= most * 2.5 ? [one.levelAt] : [];
  const top = Math.max(most, ...ends, ...level);
  const bottom = one.kind === 'mirror' ? Math.min(-top / 8, low ?? 0, ...ends) : 0;
  one.axis = axisOf(top > 0 ? bottom : 0, top, { unit: one.unit, most: one.end, steps: STEPS[one.size] });
  return [one.axis.min, one.axis.max];
}

function axes(one) {
  const by = grown();
  const grid = { stroke: () => ink('line'), width: 1 };
  const axis = {
    stroke: () => ink('ink-3'),
    grid,
    ticks: { show: false },
    font: `${11.5 * by}px ${one.font}`,
  };
  return [
    {
      ...axis,
      grid: { show: false },
      ticks: { ...grid, size: 4 },
      values: ticks,
      incrs: MOMENTS,
      space: (self, at, low, high, size) => Math.max(LABEL_PX * by, size / LABELS),
      size: (self) => (days(self) ? 36 : 21) * by,
      gap: 2,
    },
    {
      ...axis,
      splits: () => one.axis.ticks,
      // Without values nothing but its begin is known.
      values: (self, all) => all.map((value) => (value && one.isEmpty ? '' : tickWords(one.unit, value))),
      size: (ROOM[one.unit] ?? 46) * by,
      gap: 6,
    },
  ];
}

function line(one, { colour, dash, wide = 1.5 }, position) {
  return {
    stroke: () => ink(colour),
    width: (one.kind === 'stack' ? 1 : wide) * grown(),
    dash,
    spanGaps: false,
    show: !one.off.has(position),
    points: {
      show: (self, series, first, last) => one.kind !== 'stack' && last - first < DOTS,
      // A value between two gaps has no line, so it gets a dot.
      filter: (self, series, all) => (all ? null : lone(self.data[series])),
      size: 4,
    },
  };
}

/** Shows what was dragged out; what was dragged with Shift is asked about, where there is somebody to `ask`. */
function select(self, one, { zoom, ask }) {
  const { left, width } = self.select;
  if (width < DRAGGED) return;
  const [begin, end] = [left, left + width].map((at) => Math.round(self.posToVal(at, 'x') * 1000));
  self.setSelect({ left: 0, top: 0, width: 0, height: 0 }, false);
  if (ask && one.isShifted) ask(begin, end);
  else zoom(begin, end);
}

/** The strip of states lies under the lines that it explains, moment under moment. */
const under = ({ bbox }, strip) => strip.place(bbox.left / devicePixelRatio, bbox.width / devicePixelRatio);

/** The date of a moment, s, by which the level axis finds midnight. */
function dated(seconds) {
  const date = new Date(seconds * 1000);
  return isUtc() ? uPlot.tzDate(date, 'Etc/UTC') : date;
}

function options(one, deeds, width) {
  const widened = () => {
    deeds.widen();
    return null;
  };
  const released = (self, target, act) => (event) => {
    one.isShifted = event.shiftKey;
    return act(event);
  };
  return {
    tzDate: dated,
    width: width || 420,
    height: heightOf(one),
    padding: [ABOVE * grown(), () => roomOf(one), 0, 0],
    legend: { show: false },
    focus: { alpha: one.isSorted ? NEAR.alpha : 1 },
    cursor: {
      // What is pointed at is shared with the host's other graphs; what is dragged out is not: one drag is one zoom.
      sync: { key: 'host', filters: { pub: (type) => type !== 'mousedown' && type !== 'mouseup' } },
      drag: { x: true, y: false, setScale: false },
      bind: { dblclick: () => widened, mouseup: released },
      focus: { prox: one.isSorted && one.lines.length > 1 ? NEAR.prox : -1 },
      y: false,
      hover: { prox: HOVER },
      points: {
        size: 7,
        width: 1.5,
        stroke: () => ink('surface'),
        fill: (self, series) => ink(one.lines[series - 1].colour),
      },
    },
    scales: {
      x: { range: () => one.span },
      y: { range: (self, low, high) => rangeOf(one, low, high) },
    },
    axes: axes(one),
    series: [{}, ...one.lines.map((each, position) => line(one, each, position))],
    hooks: {
      drawClear: [(self) => unknown(self, one), (self) => fired(self, one)],
      drawAxes: [(self) => areas(self, one)],
      draw: [
        (self) => thresholds(self, one),
        (self) => one.told.place(self),
        (self) => marks(self, one),
        (self) => under(self, one.states),
        (self) => names(self, one),
      ],
      setCursor: [(self) => hovered(self, one, deeds.why)],
      setSelect: [(self) => select(self, one, deeds)],
    },
  };
}

/** The lines as they are drawn now. */
const dataOf = (one) => [one.seconds, ...heights(one.kind, one.values, one.off)];

/**
 * Draws a graph in its place, of which the width may be known, px; `deeds` are what is done when it is dragged over,
 * double-clicked, pointed at.
 */
export function plot(one, deeds, width = one.place.clientWidth) {
  one.font ??= getComputedStyle(document.body).fontFamily;
  // One that is there is kept: what is pointed at or dragged out stays so when values come in.
  if (one.plot) {
    one.plot.setData(dataOf(one));
    return;
  }
  one.tip = h('div', { class: 'chart-tip', hidden: true });
  fill(one.place);
  one.plot = new uPlot(options(one, deeds, width), dataOf(one), one.place);
  one.plot.over.append(one.tip);
  one.place.append(one.told.element);
}

/** Shows or hides a line; what lies upon it in a stack comes down. */
export function toggle(one, position) {
  if (one.off.has(position)) one.off.delete(position);
  else one.off.add(position);
  one.plot?.batch(() => {
    one.plot.setSeries(position + 1, { show: !one.off.has(position) });
    one.plot.setData(dataOf(one));
  });
}
