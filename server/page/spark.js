// Little charts: a host's CPU in its row of the fleet's table, the value of an alarm in that of the alarm.

import { h, colour } from './dom.js';

/** Points of a canvas, twice those of the screen; how thick a line is. */
const USUAL = { width: 144, height: 36, tone: 'accent', thick: 2 };

/** The stretches of values that are known, as their first position and the one after their last. */
function stretches(values) {
  const found = [];
  let begin = 0;
  for (let end = 0; end <= values.length; end += 1) {
    if (end < values.length && values[end] !== null) continue;
    if (end > begin) found.push([begin, end]);
    begin = end + 1;
  }
  return found;
}

/** The values of a chart that is told in `words`, from 0 to `most`; null is a gap, `line` a value across it. */
export function spark(values, words, most, line = null, look = {}) {
  const { width, height, tone, thick } = { ...USUAL, ...look };
  const canvas = h('canvas', {
    class: 'spark',
    width,
    height,
    role: 'img',
    'aria-label': words,
  });
  const pen = canvas.getContext('2d');
  pen.strokeStyle = pen.fillStyle = colour(tone);
  pen.lineWidth = thick;
  const x = (position) => (position * width) / Math.max(1, values.length - 1);
  const y = (value) => height - 1 - (value / most) * (height - 3);
  for (const [begin, end] of stretches(values)) {
    pen.beginPath();
    // A value between two gaps is a short stroke.
    for (let at = begin; at < end; at += 1) pen.lineTo(x(at), y(values[at]));
    if (end - begin === 1) pen.lineTo(x(begin) + 3, y(values[begin]));
    pen.globalAlpha = 1;
    pen.stroke();
    pen.lineTo(x(end - 1), height);
    pen.lineTo(x(begin), height);
    pen.globalAlpha = 0.16;
    pen.fill();
  }
  if (line !== null) {
    pen.globalAlpha = 1;
    pen.strokeStyle = colour('down');
    pen.setLineDash([6, 4]);
    pen.beginPath();
    pen.moveTo(0, y(line));
    pen.lineTo(width, y(line));
    pen.stroke();
  }
  return canvas;
}
