// The names of lines at their ends: one line each, none upon another.

import { ink } from './inks.js';
import { said } from './figures.js';
import { grown } from './look.js';

/** How far names are apart, how far they stand off the plot, px; the room for them, and for half of a last label. */
const APART = 14;
const OFF = 8;
const ROOM = [26, 150];
/** In a plot that is narrower than this, px, only the list tells the names. */
const NARROW = 420;

const isKnown = (value) => value !== null && value !== undefined;
const px = () => devicePixelRatio * grown();

/** The lines with a name that have a value, each with its last one. */
function named(one) {
  return one.lines
    .map(({ name, colour, isNamed }, position) => ({
      colour,
      isNamed: isNamed && !one.off.has(position),
      value: one.values[position]?.findLast(isKnown),
      name,
    }))
    .filter(({ isNamed, value }) => isNamed && isKnown(value))
    .map((each) => ({ ...each, words: `${each.name} ${said(one.unit, each.value)}` }));
}

/** Room right of the plot for the names of a graph's lines, px. */
export function roomOf(one) {
  const [least, most] = ROOM.map((room) => room * grown());
  if (!one.ends || one.place.clientWidth < NARROW) return least;
  const pen = document.createElement('canvas').getContext('2d');
  pen.font = `600 ${11 * grown()}px ${one.font}`;
  const widths = named(one).map(({ words }) => pen.measureText(words).width);
  return Math.min(
    most,
    Math.max(least, ...widths.map((width) => Math.ceil(width) + (2 * OFF + 5) * grown())),
  );
}

/** Where names stand: around their lines, in the order of these, none upon another. */
function placed(all, top, bottom) {
  const sorted = all.toSorted((a, b) => a.y - b.y);
  const step = APART * px();
  const down = [];
  for (const { y } of sorted) down.push(Math.max(y, (down.at(-1) ?? -Infinity) + step));
  const up = [];
  for (const { y } of sorted.toReversed()) up.unshift(Math.min(y, (up[0] ?? Infinity) - step));
  const end = bottom - step * (sorted.length - 1);
  let last = top - step;
  return sorted.map((one, position) => {
    const wanted = Math.min((down[position] + up[position]) / 2, end + step * position);
    last = Math.max(wanted, last + step);
    return { ...one, at: last };
  });
}

/** Draws the names of a graph's lines and a dot at the end of each. */
export function ends(self, one) {
  if (!one.ends) return;
  const { left, top, width, height } = self.bbox;
  const { ctx } = self;
  const isWide = one.place.clientWidth >= NARROW;
  const all = named(one).map((each) => ({ ...each, y: self.valToPos(each.value, 'y', true) }));
  ctx.save();
  ctx.font = `600 ${11 * px()}px ${one.font}`;
  ctx.textAlign = 'left';
  ctx.textBaseline = 'middle';
  for (const { y, at, colour, words } of placed(all, top, top + height)) {
    ctx.fillStyle = ink(colour);
    ctx.beginPath();
    ctx.arc(left + width, y, 3 * px(), 0, 2 * Math.PI);
    ctx.fill();
    if (!isWide) continue;
    // A name may stand apart from its line.
    ctx.fillRect(left + width + OFF * px(), at - 4 * px(), 2 * px(), 8 * px());
    ctx.fillStyle = ink('ink');
    ctx.fillText(words, left + width + (OFF + 5) * px(), at, (ROOM[1] - OFF - 5) * px());
  }
  ctx.restore();
}
