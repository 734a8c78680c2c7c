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

/** From calm to alarming; the same lightness steps in both themes. */
function scale(share) {
  const hue = 160 - 160 * Math.min(1, Math.max(0, share));
  return `hsl(${hue} 60% ${58 - 14 * share}%)`;
}

export function heat({ paint, words, open }) {
  const canvas = h('canvas', { class: 'heat', role: 'img', 'aria-label': 'Heat map' });
  const tip = h('div', { class: 'tip', hidden: true });
  document.body.append(tip);
  let hosts = [];
  let laid = { size: LARGEST, columns: 1, rows: 0 };

  const at = (event) => {
    const box = canvas.getBoundingClientRect();
    const column = Math.floor((event.clientX - box.left) / laid.size);
    const row = Math.floor((event.clientY - box.top) / laid.size);
    return column < laid.columns ? hosts[row * laid.columns + column] : undefined;
  };
  canvas.addEventListener('mousemove', (event) => {
    const host = at(event);
    tip.hidden = !host;
    if (!host) return;
    tip.textContent = words(host);
    tip.style.left = `${Math.min(event.clientX + 12, innerWidth - 260)}px`;
    tip.style.top = `${event.clientY + 14}px`;
  });
  canvas.addEventListener('mouseleave', () => { tip.hidden = true; });
  canvas.addEventListener('click', (event) => { const host = at(event); if (host) open(host); });

  return {
    element: canvas,
    leave: () => tip.remove(),
    draw(list, label) {
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
      const colours = Object.fromEntries(['up', 'degraded', 'suspect', 'down', 'pending', 'paused', 'retired', 'line'].map((name) => [name, colour(name)]));
      const side = laid.size - GAP;
      hosts.forEach((host, position) => {
        const share = paint(host);
        pen.fillStyle = typeof share === 'string' ? colours[share] : share === null ? colours.line : scale(share);
        const x = (position % laid.columns) * laid.size;
        const y = Math.floor(position / laid.columns) * laid.size;
        pen.fillRect(x, y, side, side);
        // Whoever is not well stands out whatever the colour tells.
        if (typeof share !== 'string' && (host.state === 'down' || host.state === 'suspect')) {
          pen.fillStyle = colours[host.state];
          pen.fillRect(x, y, side, Math.max(2, side / 3));
        }
      });
      canvas.setAttribute('aria-label', label || UNKNOWN);
    },
  };
}
