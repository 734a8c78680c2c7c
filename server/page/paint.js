// What a graph has beside its lines: areas, gaps, limits and when they were passed, marks.

import { unitOf } from './format.js';
import { t } from './i18n.js';
import { ink } from './inks.js';
import { grown } from './look.js';

/** How strong areas are: a layer of a stack, one that is quiet, below a line, between the least and the most. */
const LAYER = 0.78;
const QUIET = 0.42;
const AREA = 0.16;
const BAND = 0.18;
/** The stretch in which an alarm fired. */
const FIRED = 0.08;
/** A limit of more than so many times the highest value is out of sight: the values would be a flat line. */
const NEAR = 3;
/** One of a smaller share of the axis lies on its end. */
const LEAST = 0.03;
/** The marks of one graph; of more than so many only the strip below it tells. */
const MARKS = 12;
/** Colours of severities. */
const GRAVE = { critical: 'down', warning: 'degraded', info: 'pending' };

const isKnown = (value) => value !== null && value !== undefined;
const px = () => devicePixelRatio * grown();

/** Where a moment is, within the plot. */
function xOf(self) {
  const { left, width } = self.bbox;
  return (ms) => Math.min(left + width, Math.max(left, self.valToPos(ms / 1000, 'x', true)));
}

/** Paints within the plot, and leaves the pen as it was. */
function within(self, paint) {
  const { left, top, width, height } = self.bbox;
  const { ctx } = self;
  ctx.save();
  ctx.beginPath();
  ctx.rect(left, top, width, height);
  ctx.clip();
  paint(ctx);
  ctx.restore();
}

/** The stretches of points that are known; what is undefined lies between neighbours. */
function stretches(values) {
  const found = [];
  let now = [];
  values.forEach((value, point) => {
    if (isKnown(value)) now.push(point);
    else if (value === null && now.length) {
      found.push(now);
      now = [];
    }
  });
  if (now.length) found.push(now);
  return found;
}

/** Fills what lies between two lines; a point that stands alone is as wide as a point is. */
function between(self, { step }, above, below) {
  const times = self.data[0];
  const y = (value) => self.valToPos(value, 'y', true);
  const { ctx } = self;
  for (const points of stretches(above)) {
    const half = points.length > 1 ? 0 : step / 2000;
    const x = (point, by) => self.valToPos(times[point] + by, 'x', true);
    ctx.beginPath();
    for (const point of points) {
      ctx.lineTo(x(point, -half), y(above[point]));
      if (half) ctx.lineTo(x(point, half), y(above[point]));
    }
    for (const point of points.toReversed()) {
      if (half) ctx.lineTo(x(point, half), y(below(point)));
      ctx.lineTo(x(point, -half), y(below(point)));
    }
    ctx.fill();
  }
}

/** Fills the layers of a stack, what lies below the lines of a mirror, the band of a first line. */
export function areas(self, one) {
  within(self, (ctx) => {
    const drawn = one.lines.map((line, position) => ({ ...line, values: self.data[position + 1], position }));
    const shown = drawn.filter(({ position }) => !one.off.has(position));
    if (one.kind === 'stack') {
      shown.forEach(({ name, colour, values }, layer) => {
        ctx.globalAlpha = one.quiet?.includes(name) ? QUIET : LAYER;
        ctx.fillStyle = ink(colour);
        const below = (point) => shown.slice(0, layer).findLast((each) => isKnown(each.values[point]));
        between(self, one, values, (point) => below(point)?.values[point] ?? 0);
      });
    }
    if (one.kind === 'mirror' || (one.kind === 'lines' && one.lines.length === 1 && !one.isBand)) {
      for (const { colour, values } of shown) {
        ctx.globalAlpha = AREA;
        ctx.fillStyle = ink(colour);
        between(self, one, values, () => 0);
      }
    }
    if (one.range && !one.off.has(0)) {
      ctx.globalAlpha = BAND;
      ctx.fillStyle = ink(one.lines[0].colour);
      between(self, one, one.range.max, (point) => one.range.min[point] ?? 0);
    }
  });
}

/** The hatching of what is not known. */
function hatching(ctx, soft, bare) {
  const size = 6 * px();
  const tile = document.createElement('canvas');
  [tile.width, tile.height] = [size, size];
  const pen = tile.getContext('2d');
  pen.fillStyle = ink(soft);
  pen.fillRect(0, 0, size, size);
  pen.strokeStyle = ink(bare);
  pen.globalAlpha = 0.38;
  pen.lineWidth = 1.4 * px();
  for (const by of [-size, 0, size]) {
    pen.beginPath();
    pen.moveTo(by - 1, size + 1);
    pen.lineTo(by + size + 1, -1);
    pen.stroke();
  }
  return ctx.createPattern(tile, 'repeat');
}

/** Shades what is not known: where polls failed, where none were made, what was before the first one. */
export function unknown(self, { gaps, begin, fails }) {
  const { left, top, height } = self.bbox;
  const x = xOf(self);
  within(self, (ctx) => {
    const { times, polls, failed, step } = fails;
    ctx.fillStyle = ink('down');
    failed.forEach((count, point) => {
      if (!count || count === polls[point]) return;
      ctx.globalAlpha = 0.06 + 0.14 * (count / polls[point]);
      ctx.fillRect(x(times[point]), top, Math.max(px(), x(times[point] + step) - x(times[point])), height);
    });
    ctx.globalAlpha = 1;
    for (const gap of gaps) {
      ctx.fillStyle = gap.failed ? hatching(ctx, 'down-soft', 'down') : hatching(ctx, 'sunken', 'line-2');
      ctx.fillRect(x(gap.from), top, Math.max(2 * px(), x(gap.to) - x(gap.from)), height);
    }
    if (begin === null) return;
    ctx.fillStyle = ink('sunken');
    ctx.fillRect(left, top, x(begin) - left, height);
  });
}

/** The stretches in which alarms about this graph fired. */
export function fired(self, { rules }) {
  const { top, height } = self.bbox;
  const x = xOf(self);
  within(self, (ctx) => {
    ctx.globalAlpha = FIRED;
    for (const { begin, end, severity } of rules.flatMap((rule) => rule.fired)) {
      ctx.fillStyle = ink(GRAVE[severity]);
      ctx.fillRect(x(begin), top, Math.max(px(), x(end) - x(begin)), height);
    }
  });
}

/** The limits of a graph's rules that are heights in it: each once, in the colour of how much it matters. */
export function limits(one) {
  const found = new Map();
  for (const { column, lines, severity, fired: stretch } of one.rules) {
    const isHeight = one.kind === 'stack' ? column === one.ruler : column && one.isOf(column);
    if (!isHeight) continue;
    lines.forEach((value, position) => {
      const share = one.unit === 'bytes' && unitOf(column) === 'pct' && one.end ? one.end / 100 : 1;
      const at = (one.kind === 'mirror' && one.lines[1].plus.includes(column) ? -1 : 1) * value * share;
      const grave = position ? 'critical' : severity;
      found.set(at, {
        at,
        value,
        column,
        colour: GRAVE[grave],
        hasFired: stretch.some((each) => position === 0 || each.severity === 'critical'),
      });
    });
  }
  return [...found.values()];
}

/** Those that are in sight: that the values come near to, or at which something fired. */
export const seen = (one, high) =>
  limits(one).filter(({ at, hasFired }) => hasFired || Math.abs(at) <= NEAR * high);

/** Draws limits as dashed lines with their words at the left. */
export function thresholds(self, one) {
  const { left, top, width } = self.bbox;
  const { ctx } = self;
  const { min, max } = self.scales.y;
  const level =
    one.level && isKnown(one.levelAt) ? [{ at: one.levelAt, colour: 'ink-3', words: one.levelWords }] : [];
  const all = [...limits(one), ...level].filter(
    ({ at }) => at >= min && at <= max && Math.abs(at) > LEAST * max,
  );
  ctx.save();
  ctx.lineWidth = 1.25 * px();
  ctx.font = `600 ${11 * px()}px ${one.font}`;
  ctx.textAlign = 'left';
  for (const { at, colour, words, value } of all) {
    const y = self.valToPos(at, 'y', true);
    ctx.strokeStyle = ink(colour);
    ctx.setLineDash([5 * px(), 4 * px()]);
    ctx.beginPath();
    ctx.moveTo(left, y);
    ctx.lineTo(left + width, y);
    ctx.stroke();
    const text = words ?? t('limit {limit}', { limit: one.said(value) });
    const wide = ctx.measureText(text).width + 8 * px();
    const above = y - 16 * px() < top ? y + 2 * px() : y - 16 * px();
    ctx.globalAlpha = 0.82;
    ctx.fillStyle = ink('surface');
    ctx.fillRect(left + 3 * px(), above, wide, 14 * px());
    ctx.globalAlpha = 1;
    ctx.fillStyle = ink(colour === 'ink-3' ? 'ink-2' : `${colour}-ink`);
    ctx.fillText(text, left + 7 * px(), above + 11 * px());
  }
  ctx.restore();
}

/** The shape of a mark around a point, filled: a state has the shape that it has everywhere. */
function shape(ctx, kind, x, y, size) {
  ctx.beginPath();
  if (kind === 'reboot') {
    ctx.arc(x, y, size * 0.8, -0.28 * Math.PI, 1.28 * Math.PI);
    ctx.moveTo(x, y - size);
    ctx.lineTo(x, y - size * 0.1);
    ctx.lineWidth = 1.4 * px();
    ctx.stroke();
    return;
  }
  if (kind === 'deploy') {
    ctx.moveTo(x - size * 0.8, y - size * 0.2);
    ctx.lineTo(x, y - size);
    ctx.lineTo(x + size * 0.8, y - size * 0.2);
    ctx.moveTo(x, y - size);
    ctx.lineTo(x, y + size * 0.8);
    ctx.lineWidth = 1.6 * px();
    ctx.stroke();
    return;
  }
  if (kind === 'degraded') {
    ctx.moveTo(x, y - size);
    ctx.lineTo(x + size, y + size * 0.8);
    ctx.lineTo(x - size, y + size * 0.8);
  } else if (kind === 'suspect') {
    ctx.moveTo(x, y - size);
    ctx.lineTo(x + size, y);
    ctx.lineTo(x, y + size);
    ctx.lineTo(x - size, y);
  } else if (kind === 'down') ctx.rect(x - size * 0.8, y - size * 0.8, size * 1.6, size * 1.6);
  else ctx.arc(x, y, size * 0.7, 0, 2 * Math.PI);
  ctx.fill();
}

/** The colours of marks that are no states. */
const INKS = { reboot: 'ink-2', note: 'ink-2', deploy: 'accent' };

/**
 * Draws reboots, changes of state, alarms and what people said: a dotted line, a shape above it, and in the first graph
 * its name, where no words of a gap stand; what lasted is tinted. Of too many only what people said is drawn.
 */
export function marks(self, one) {
  const { left, top, width, height } = self.bbox;
  const isSeen = ({ at, until }) =>
    (until ?? at) >= self.scales.x.min * 1000 && at <= self.scales.x.max * 1000;
  const all = [...one.marks, ...(one.alarms ?? [])].filter(isSeen).sort((a, b) => a.at - b.at);
  const drawn = all.length > MARKS ? all.filter(({ said }) => said) : all;
  if (drawn.length > MARKS) return;
  const { ctx } = self;
  const x = xOf(self);
  const dpr = devicePixelRatio;
  /** Where the last name ends: none is written over another. */
  let right = 0;
  ctx.save();
  ctx.font = `600 ${11 * px()}px ${one.font}`;
  ctx.textAlign = 'left';
  for (const { at, until, kind, words } of drawn) {
    const colour = ink(INKS[kind] ?? kind);
    [ctx.strokeStyle, ctx.fillStyle] = [colour, colour];
    if (until) {
      ctx.globalAlpha = FIRED;
      ctx.fillRect(x(at), top, Math.max(px(), x(until) - x(at)), height);
      ctx.globalAlpha = 1;
    }
    ctx.lineWidth = px();
    ctx.setLineDash([2 * px(), 3 * px()]);
    ctx.beginPath();
    ctx.moveTo(x(at), top);
    ctx.lineTo(x(at), top + height);
    ctx.stroke();
    ctx.setLineDash([]);
    shape(ctx, kind, x(at), top - 8 * px(), 4.5 * px());
    if (!words || !one.isFirst || x(at) < right) continue;
    ctx.fillStyle = ink('ink-2');
    const end = x(at) + 10 * px() + ctx.measureText(words).width;
    const isCovered = one.wordsAt.some(([from, to]) => x(at) < left + to * dpr && end > left + from * dpr);
    if (end >= left + width || isCovered) continue;
    ctx.fillText(words, x(at) + 9 * px(), top - 4 * px());
    right = end;
  }
  ctx.restore();
}
