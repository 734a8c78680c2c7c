// How a cell of the map looks: by the state of its host, or by a value.

import { colour } from './dom.js';

/** The shapes of states, in a square of 16: what is filled, and what is cut out of it. */
const SHAPES = {
  down: [
    'M4.5 1.500h7a3 3 0 0 1 3 3v7a3 3 0 0 1-3 3h-7a3 3 0 0 1-3-3v-7a3 3 0 0 1 3-3z',
    'M5.3 5.300l5.4 5.400M10.7 5.300l-5.4 5.4',
  ],
  suspect: ['M8 1l7 7-7 7-7-7z', 'M6.3 6.500c.1-2.3 3.5-2.3 3.5-.1 0 1.4-1.8 1.5-1.8 2.700M8 11.200v.2'],
  degraded: ['M8 1.600L15 14H1z', 'M8 6.200v3.400M8 11.600v.2'],
};
const paths = Object.fromEntries(
  Object.entries(SHAPES).map(([state, drawn]) => [state, drawn.map((path) => new Path2D(path))]),
);
/** From these shares on a value has the colour of a state, as everywhere. */
export const HIGH = 0.8;
export const TOO_HIGH = 0.9;
/** Steps of the one hue below them. */
export const STEPS = 5;

/** The colour of a share of 1. */
const shade = (share) => {
  if (share >= TOO_HIGH) return 'down';
  return share >= HIGH ? 'degraded-fill' : `h${Math.min(STEPS - 1, Math.floor((share / HIGH) * STEPS))}`;
};
const INKS = {
  down: 'on-state',
  suspect: 'on-state',
  'degraded-fill': 'on-degraded',
  calm: 'calm-ink',
  h3: 'on-accent',
  h4: 'on-accent',
};

/** What a cell is filled with, in which ink words stand on it; `fill` is null for one that is outlined alone. */
function toneOf(host, share, isSilenced) {
  if (typeof share === 'number') {
    const fill = shade(share);
    return { fill, ink: INKS[fill] ?? 'ink' };
  }
  if (share === null) return { fill: null, edge: 'line-2', ink: 'ink-3', isHatched: true };
  if (isSilenced) return { fill: null, edge: share, ink: `${share}-ink`, isLoud: true };
  if (share === 'up') return { fill: 'calm', ink: 'calm-ink' };
  const fill = share === 'degraded' ? 'degraded-fill' : share;
  return paths[share] ? { fill, ink: INKS[fill] } : { fill: null, edge: 'line-2', ink: 'ink-3' };
}

let kept = '';
/** The page's font, which words on a canvas have, too. */
const family = () => (kept ||= getComputedStyle(document.body).fontFamily);

/** The end of a name that tells it from its neighbours: its number. */
const shortName = (name) => /(\d+)\D*$/.exec(name)?.[1].slice(-3) ?? name.slice(0, 3);

function hatch(pen, x, y, wide, high) {
  pen.save();
  pen.beginPath();
  pen.rect(x, y, wide, high);
  pen.clip();
  pen.strokeStyle = colour('line-2');
  pen.lineWidth = 1;
  pen.beginPath();
  for (let at = -high; at < wide; at += 5) {
    pen.moveTo(x + at, y + high);
    pen.lineTo(x + at + high, y);
  }
  pen.stroke();
  pen.restore();
}

function shape(pen, state, ink, cut, x, y, size) {
  const [outer, inner] = paths[state];
  pen.save();
  pen.translate(x, y);
  pen.scale(size / 16, size / 16);
  pen.fillStyle = colour(ink);
  pen.fill(outer);
  pen.strokeStyle = colour(cut);
  pen.lineWidth = 1.9;
  pen.lineCap = 'round';
  pen.stroke(inner);
  pen.restore();
}

/** What of a host's name has room in a cell that is as large as its host, beside `taken` px. */
function fitting(pen, name, taken, { wide, high }) {
  if (high < 16) return '';
  return [name, shortName(name)].find((words) => pen.measureText(words).width + taken + 6 <= wide) ?? '';
}

/**
 * Draws a cell at a place; `named` says whether there is room for the number of its host, `isSized` that cells differ,
 * and each says what it has room for.
 */
export function cell(pen, host, { share, isSilenced, named, isSized }, { x, y, wide, high }) {
  const { fill, edge, ink, isHatched, isLoud } = toneOf(host, share, isSilenced);
  const round = Math.min(4, high / 4, wide / 4);
  const box = (inset) => {
    pen.beginPath();
    pen.roundRect(x + inset, y + inset, wide - 2 * inset, high - 2 * inset, round);
  };
  if (isHatched) hatch(pen, x, y, wide, high);
  if (fill) {
    box(0);
    pen.fillStyle = colour(fill);
    pen.fill();
  } else {
    pen.strokeStyle = colour(edge);
    pen.lineWidth = isLoud ? 2 : 1;
    pen.setLineDash(isLoud || isHatched ? [] : [3, 2]);
    box(isLoud ? 1 : 0.5);
    pen.stroke();
    pen.setLineDash([]);
  }
  const isShaped = Boolean(paths[host.state]) && typeof share !== 'number';
  // By a value, too, a host that is not well stands out.
  if (typeof share === 'number' && paths[host.state]) {
    pen.strokeStyle = colour(host.state);
    pen.lineWidth = 2;
    box(1);
    pen.stroke();
  }
  const size = named && !isSized ? 12 : Math.min(named ? 12 : 11, high - 4, wide - 2);
  if (named) pen.font = `${isShaped ? 600 : 400} 12px ${family()}`;
  const whole = named ? shortName(host.name) : '';
  const words = isSized ? fitting(pen, host.name, isShaped ? size + 3 : 0, { wide, high }) : whole;
  const long = words ? pen.measureText(words).width : 0;
  const from = x + (wide - long - (isShaped ? size + (words ? 3 : 0) : 0)) / 2;
  if (isShaped && size > 4) shape(pen, host.state, ink, fill ?? 'surface', from, y + (high - size) / 2, size);
  if (words) {
    pen.fillStyle = colour(ink);
    pen.textBaseline = 'middle';
    pen.fillText(words, from + (isShaped ? size + 3 : 0), y + high / 2 + 0.5);
  }
  // One of which alarms fire is marked in its corner.
  if (host.alarms_firing && !isShaped && host.alarm_severity !== 'info') {
    const side = Math.min(9, high / 2, wide / 2);
    pen.fillStyle = colour(host.alarm_severity === 'critical' ? 'down' : 'degraded');
    pen.beginPath();
    pen.moveTo(x + wide - side, y);
    pen.lineTo(x + wide, y);
    pen.lineTo(x + wide, y + side);
    pen.fill();
  }
}
