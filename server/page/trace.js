// The little chart of a tile: values over the span, with gaps where there are none.

const SVG = 'http://www.w3.org/2000/svg';
const [WIDE, HIGH] = [100, 36];

const isKnown = (value) => value !== null && value !== undefined;

function part(name, props) {
  const element = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(props)) element.setAttribute(key, value);
  return element;
}

/** The paths of a line and of the area below it. */
function paths(values, x, y) {
  let [line, area, begin] = ['', '', null];
  let last = null;
  const close = () => {
    if (begin !== null) area += `L${last} ${HIGH}L${begin} ${HIGH}Z`;
    begin = null;
  };
  values.forEach((value, point) => {
    if (value === null) close();
    if (!isKnown(value)) return;
    const at = `${x(point)} ${y(value)}`;
    line += `${begin === null ? 'M' : 'L'}${at}`;
    area += `${begin === null ? 'M' : 'L'}${at}`;
    begin ??= x(point);
    last = x(point);
  });
  close();
  return { line, area };
}

/** Draws `values` from 0 to `whole`, or to a little more than the highest. */
export function trace(values, whole, { gaps, seconds, colour = 'c1' }) {
  const known = values.filter(isKnown);
  const top = whole ?? (Math.max(0, ...known) * 1.1 || 1);
  // From the first value on: a host that is new has no hour yet.
  const begin = Math.max(0, values.findIndex(isKnown));
  const [first, last] = [seconds[begin] * 1000, seconds.at(-1) * 1000];
  const across = (ms) => (((ms - first) / Math.max(1, last - first)) * WIDE).toFixed(1);
  const x = (point) => across(seconds[point] * 1000);
  const y = (value) => (HIGH - 1 - (Math.min(top, value) / top) * (HIGH - 3)).toFixed(1);
  const { line, area } = paths(values, x, y);
  const svg = part('svg', {
    viewBox: `0 0 ${WIDE} ${HIGH}`,
    preserveAspectRatio: 'none',
    'aria-hidden': 'true',
    class: colour,
  });
  for (const { from, to, failed } of gaps) {
    const [left, right] = [from, to].map((ms) => Math.min(WIDE, Math.max(0, Number(across(ms)))));
    const props = { x: left, y: 0, width: Math.max(1, right - left).toFixed(1), height: HIGH };
    svg.append(part('rect', { ...props, class: failed ? 'gone' : 'none' }));
  }
  svg.append(part('path', { d: area, class: 'area' }), part('path', { d: line, class: 'line' }));
  return svg;
}
