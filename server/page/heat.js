// The heat map: one cell per host, five thousand of them on one canvas.

import { h, colour } from './dom.js';
import { SEVERITIES, STATES } from './live.js';

const GAP = 1;
const HEIGHT = 260;
const LARGEST = 28;
const SMALLEST = 5;
/** What the card takes of the canvas' width, px. */
const INSET = 26;

/** Cell size and columns so that `count` cells fit into `width`. */
export function layout(count, width) {
  let size = LARGEST;
  while (size > SMALLEST && Math.ceil(count / Math.floor(width / size)) * size > HEIGHT) size -= 1;
  const columns = Math.max(1, Math.floor(width / size));
  return { size, columns, rows: Math.ceil(count / columns) };
}

/** Where a cell begins, px. */
const placeOf = ({ size, columns }, position) => [
  (position % columns) * size,
  Math.floor(position / columns) * size,
];

/** From calm to alarming, by the theme's colours. */
function scale() {
  const stops = [0, 1, 2, 3].map((stop) =>
    colour(`heat-${stop}`)
      .match(/[0-9a-f]{2}/gi)
      .map((pair) => parseInt(pair, 16)),
  );
  return (share) => {
    const at = Math.min(1, Math.max(0, share)) * (stops.length - 1);
    const low = Math.min(Math.floor(at), stops.length - 2);
    const mixed = stops[low].map((from, part) =>
      Math.round(from + (stops[low + 1][part] - from) * (at - low)),
    );
    return `rgb(${mixed.join(' ')})`;
  };
}

/** A canvas' pen, on a clean canvas of this size. */
function penOn(canvas, width, height) {
  const ratio = devicePixelRatio || 1;
  canvas.width = width * ratio;
  canvas.height = height * ratio;
  canvas.style.height = `${height}px`;
  const pen = canvas.getContext('2d');
  pen.scale(ratio, ratio);
  return pen;
}

/** Draws the cells of hosts; `paint` gives a state, a share, or null where nothing is known. */
function drawCells(pen, hosts, laid, paint) {
  const colours = Object.fromEntries(
    [...STATES, ...SEVERITIES, 'line', 'card'].map((name) => [name, colour(name)]),
  );
  const side = laid.size - GAP;
  const shade = scale();
  hosts.forEach((host, position) => {
    const share = paint(host);
    const isState = typeof share === 'string';
    pen.fillStyle = isState ? colours[share] : share === null ? colours.line : shade(share);
    const [x, y] = placeOf(laid, position);
    pen.fillRect(x, y, side, side);
    // One of which alarms fire is marked in its corner.
    if (host.alarms_firing) {
      pen.fillStyle = colours.card;
      pen.fillRect(x + side - side / 2, y + side / 2, side / 2, side / 2);
      pen.fillStyle = colours[host.alarm_severity];
      pen.fillRect(x + side - side / 3, y + side - side / 3, side / 3, side / 3);
    }
    // A host that is not well stands out whatever the colour tells.
    if (!isState && (host.state === 'down' || host.state === 'suspect')) {
      pen.fillStyle = colours[host.state];
      pen.fillRect(x, y, side, Math.max(2, side / 3));
    }
  });
}

/** Where keys lead from a cell. */
const STEPS = {
  ArrowLeft: (at) => at - 1,
  ArrowRight: (at) => at + 1,
  ArrowUp: (at, { columns }) => at - columns,
  ArrowDown: (at, { columns }) => at + columns,
  Home: () => 0,
  End: (at, laid, last) => last,
};

/** The canvas and the tip over it. */
function elements() {
  const canvas = h('canvas', {
    class: 'heat',
    role: 'application',
    tabIndex: 0,
    'aria-roledescription': 'heat map',
    'aria-label': 'Heat map',
  });
  const tip = h('div', { class: 'tip', role: 'status', hidden: true });
  document.body.append(tip);
  return { canvas, tip };
}

/** Has keys walk the cells of `map`, and open them. */
function walk(canvas, map, { tell, draw, open }) {
  canvas.addEventListener('keydown', (event) => {
    const { hosts, laid } = map;
    const now = map.position();
    if (event.key === 'Enter' && hosts[now]) open(hosts[now]);
    if (!STEPS[event.key] || hosts.length === 0) return;
    event.preventDefault();
    const last = hosts.length - 1;
    const next = now < 0 ? 0 : Math.min(last, Math.max(0, STEPS[event.key](now, laid, last)));
    map.chosen = hosts[next].name;
    draw();
    const box = canvas.getBoundingClientRect();
    const [x, y] = placeOf(laid, next);
    tell(hosts[next], box.left + x, box.top + y + laid.size);
  });
}

export function heat({ paint, words, open }) {
  const { canvas, tip } = elements();
  /** What is drawn; `chosen` is the cell that keys have chosen, by its host's name. */
  const map = {
    hosts: [],
    laid: { size: LARGEST, columns: 1, rows: 0 },
    label: '',
    chosen: null,
    position: () => map.hosts.findIndex((host) => host.name === map.chosen),
  };

  function hostAt(event) {
    const box = canvas.getBoundingClientRect();
    const { size, columns } = map.laid;
    const column = Math.floor((event.clientX - box.left) / size);
    const row = Math.floor((event.clientY - box.top) / size);
    return column < columns ? map.hosts[row * columns + column] : undefined;
  }
  function tell(host, x, y) {
    tip.hidden = !host;
    if (!host) return;
    tip.textContent = words(host);
    tip.style.left = `${Math.max(4, Math.min(x + 12, innerWidth - 300))}px`;
    tip.style.top = `${y + 14}px`;
  }
  function draw() {
    const width = (canvas.parentElement?.clientWidth ?? 0) - INSET;
    if (width <= 0) return;
    map.laid = layout(map.hosts.length, width);
    const { size, rows } = map.laid;
    const pen = penOn(canvas, width, Math.max(rows, 1) * size);
    drawCells(pen, map.hosts, map.laid, paint);
    const now = map.position();
    if (now >= 0) {
      pen.strokeStyle = colour('ink');
      pen.lineWidth = 2;
      pen.strokeRect(...placeOf(map.laid, now), size - GAP, size - GAP);
    }
    canvas.setAttribute('aria-label', map.label);
  }

  canvas.addEventListener('mousemove', (event) => tell(hostAt(event), event.clientX, event.clientY));
  canvas.addEventListener('mouseleave', () => tell(null));
  canvas.addEventListener('click', (event) => {
    const host = hostAt(event);
    if (host) open(host);
  });
  canvas.addEventListener('blur', () => {
    map.chosen = null;
    tell(null);
    draw();
  });
  walk(canvas, map, { tell, draw, open });
  return {
    element: canvas,
    leave: () => tip.remove(),
    draw(hosts, label) {
      Object.assign(map, { hosts, label });
      draw();
    },
  };
}
