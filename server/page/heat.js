// The heat map: one cell per host, five thousand of them on one canvas.

import { h, colour } from './dom.js';
import { UNKNOWN } from './format.js';

const GAP = 1;
const HEIGHT = 260;
const LARGEST = 28;
const SMALLEST = 5;

/** Cell size and columns so that `count` cells fit into `width`. */
export function layout(count, width) {
  let size = LARGEST;
  while (size > SMALLEST && Math.ceil(count / Math.floor(width / size)) * size > HEIGHT) size -= 1;
  const columns = Math.max(1, Math.floor(width / size));
  return { size, columns, rows: Math.ceil(count / columns) };
}

/** From calm to alarming, by the theme's colours. */
function scale() {
  const stops = [0, 1, 2, 3].map((stop) =>
    colour(`heat-${stop}`)
      .match(/[0-9a-f]{2}/gi)
      .map((part) => parseInt(part, 16)),
  );
  return (share) => {
    const at = Math.min(1, Math.max(0, share)) * (stops.length - 1);
    const low = Math.min(Math.floor(at), stops.length - 2);
    return `rgb(${stops[low].map((part, position) => Math.round(part + (stops[low + 1][position] - part) * (at - low))).join(' ')})`;
  };
}

export function heat({ paint, words, open }) {
  const canvas = h('canvas', {
    class: 'heat',
    role: 'application',
    tabIndex: 0,
    'aria-roledescription': 'heat map',
    'aria-label': 'Heat map',
  });
  const tip = h('div', { class: 'tip', role: 'status', hidden: true });
  document.body.append(tip);
  let hosts = [];
  let laid = { size: LARGEST, columns: 1, rows: 0 };
  /** The cell that keys have chosen, by its host's name. */
  let chosen = null;
  const position = () => hosts.findIndex((host) => host.name === chosen);

  const at = (event) => {
    const box = canvas.getBoundingClientRect();
    const column = Math.floor((event.clientX - box.left) / laid.size);
    const row = Math.floor((event.clientY - box.top) / laid.size);
    return column < laid.columns ? hosts[row * laid.columns + column] : undefined;
  };
  function tell(host, x, y) {
    tip.hidden = !host;
    if (!host) return;
    tip.textContent = words(host);
    tip.style.left = `${Math.max(4, Math.min(x + 12, innerWidth - 300))}px`;
    tip.style.top = `${y + 14}px`;
  }
  canvas.addEventListener('mousemove', (event) => tell(at(event), event.clientX, event.clientY));
  canvas.addEventListener('mouseleave', () => {
    tip.hidden = true;
  });
  canvas.addEventListener('click', (event) => {
    const host = at(event);
    if (host) open(host);
  });
  const steps = {
    ArrowLeft: () => -1,
    ArrowRight: () => 1,
    ArrowUp: () => -laid.columns,
    ArrowDown: () => laid.columns,
    Home: () => -hosts.length,
    End: () => hosts.length,
  };
  let again = () => {};
  canvas.addEventListener('keydown', (event) => {
    const now = position();
    if (event.key === 'Enter' && hosts[now]) open(hosts[now]);
    if (!steps[event.key] || hosts.length === 0) return;
    event.preventDefault();
    const next = now < 0 ? 0 : Math.min(hosts.length - 1, Math.max(0, now + steps[event.key]()));
    chosen = hosts[next].name;
    again();
    const box = canvas.getBoundingClientRect();
    tell(
      hosts[next],
      box.left + (next % laid.columns) * laid.size,
      box.top + (Math.floor(next / laid.columns) + 1) * laid.size,
    );
  });
  canvas.addEventListener('blur', () => {
    chosen = null;
    tip.hidden = true;
    again();
  });

  return {
    element: canvas,
    leave: () => tip.remove(),
    draw(list, label) {
      again = () => this.draw(hosts, label);
      hosts = list;
      const width = canvas.parentElement?.clientWidth ? canvas.parentElement.clientWidth - 26 : 0;
      if (!width) return;
      laid = layout(hosts.length, width);
      const ratio = devicePixelRatio || 1;
      const height = Math.max(laid.rows, 1) * laid.size;
      canvas.width = width * ratio;
      canvas.height = height * ratio;
      canvas.style.height = `${height}px`;
      const pen = canvas.getContext('2d');
      pen.scale(ratio, ratio);
      const colours = Object.fromEntries(
        ['up', 'degraded', 'suspect', 'down', 'pending', 'paused', 'retired', 'line'].map((name) => [
          name,
          colour(name),
        ]),
      );
      const side = laid.size - GAP;
      const shade = scale();
      hosts.forEach((host, position) => {
        const share = paint(host);
        pen.fillStyle =
          typeof share === 'string' ? colours[share] : share === null ? colours.line : shade(share);
        const x = (position % laid.columns) * laid.size;
        const y = Math.floor(position / laid.columns) * laid.size;
        pen.fillRect(x, y, side, side);
        // Whoever is not well stands out whatever the colour tells.
        if (typeof share !== 'string' && (host.state === 'down' || host.state === 'suspect')) {
          pen.fillStyle = colours[host.state];
          pen.fillRect(x, y, side, Math.max(2, side / 3));
        }
      });
      const now = position();
      if (now >= 0) {
        pen.strokeStyle = colour('ink');
        pen.lineWidth = 2;
        pen.strokeRect(
          (now % laid.columns) * laid.size,
          Math.floor(now / laid.columns) * laid.size,
          side,
          side,
        );
      }
      canvas.setAttribute('aria-label', label || UNKNOWN);
    },
  };
}
