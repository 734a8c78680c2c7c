// Little charts: a host's CPU in its row of the fleet's table, the value of an alarm in that of the alarm.

import { h, colour } from './dom.js';

const WIDTH = 144;
const HEIGHT = 36;

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
export function spark(values, words, most, line = null) {
  const canvas = h('canvas', {
    class: 'spark',
    width: WIDTH,
    height: HEIGHT,
    role: 'img',
    'aria-label': words,
  });
  const pen = canvas.getContext('2d');
  pen.strokeStyle = pen.fillStyle = colour('accent');
  pen.lineWidth = 2;
  const x = (position) => (position * WIDTH) / Math.max(1, values.length - 1);
  const y = (value) => HEIGHT - 1 - (value / most) * (HEIGHT - 3);
  for (const [begin, end] of stretches(values)) {
    pen.beginPath();
    // A value between two gaps is a short stroke.
    for (let at = begin; at < end; at += 1) pen.lineTo(x(at), y(values[at]));
    if (end - begin === 1) pen.lineTo(x(begin) + 3, y(values[begin]));
    pen.globalAlpha = 1;
    pen.stroke();
    pen.lineTo(x(end - 1), HEIGHT);
    pen.lineTo(x(begin), HEIGHT);
    pen.globalAlpha = 0.25;
    pen.fill();
  }
  if (line !== null) {
    pen.globalAlpha = 1;
    pen.strokeStyle = colour('down');
    pen.setLineDash([6, 4]);
    pen.beginPath();
    pen.moveTo(0, y(line));
    pen.lineTo(WIDTH, y(line));
    pen.stroke();
  }
  return canvas;
}
