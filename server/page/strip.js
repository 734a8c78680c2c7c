// The cores of a host over a span: a row for each, a cell for each point, darker where it was busier.

import { h } from './dom.js';
import { moment, percent } from './format.js';
import { get, hostPath } from './api.js';
import { t } from './i18n.js';
import { ink } from './inks.js';
import { latest } from './latest.js';

/** Cores that are drawn at most, and points of each. */
const MOST = 100;
const POINTS = 120;
/** How high a row is, of so few cores or more, px. */
const HIGH = [
  [8, 12],
  [16, 9],
  [32, 6],
  [MOST, 3],
];
const HEATS = 5;
const FIELDS = 'step_ms,start_ms,more_rows,rows.row,rows.columns.avg';

const isKnown = (value) => value !== null && value !== undefined;
const heatOf = (busy) => `h${Math.min(HEATS - 1, Math.floor((busy * HEATS) / 100))}`;

/** Paints what is known; what is not is left out. */
function paint(canvas, { rows, step, start, from, to }) {
  const high = HIGH.find(([most]) => rows.length <= most)[1];
  const dpr = devicePixelRatio;
  const width = canvas.clientWidth || 600;
  canvas.width = width * dpr;
  canvas.height = rows.length * (high + 1) * dpr;
  canvas.style.height = `${rows.length * (high + 1)}px`;
  const pen = canvas.getContext('2d');
  pen.scale(dpr, dpr);
  const x = (ms) => ((ms - from) / (to - from)) * width;
  rows.forEach(({ values }, row) => {
    // A value holds until the next one: of a core that is asked once a minute there is none in most points.
    let last = null;
    values.forEach((value, point) => {
      if (!isKnown(value)) return;
      pen.fillStyle = ink(heatOf(value));
      const begin = x(start + point * step);
      const until = x(start + (point + 1) * step);
      if (last !== null && point - last > 1 && point - last < 4)
        pen.fillRect(
          x(start + (last + 1) * step),
          row * (high + 1),
          begin - x(start + (last + 1) * step),
          high,
        );
      pen.fillRect(begin, row * (high + 1), until - begin + 0.5, high);
      last = point;
    });
  });
}

/** The strip of a host's cores. */
export function strip(name) {
  const canvas = h('canvas', {
    class: 'strip',
    role: 'img',
    'aria-label': t('Busy of each core over the span'),
  });
  const told = h('span', { class: 'm' });
  const element = h('div', { class: 'pad', hidden: true }, canvas, told);
  const questions = latest();
  let shown = null;
  const again = () => shown && paint(canvas, shown);
  const watch = new ResizeObserver(again);
  watch.observe(element);
  canvas.addEventListener('mousemove', ({ clientX, clientY }) => {
    if (!shown) return;
    const box = canvas.getBoundingClientRect();
    const at = shown.from + ((clientX - box.left) / box.width) * (shown.to - shown.from);
    const row = shown.rows[Math.floor(((clientY - box.top) / box.height) * shown.rows.length)];
    const value = row?.values[Math.floor((at - shown.start) / shown.step)];
    told.textContent = row
      ? `${t('core {n}', { n: row.row })} · ${moment(at).slice(11)} · ${percent(value ?? null)}`
      : '';
  });
  canvas.addEventListener('mouseleave', () => {
    told.textContent = '';
  });
  return {
    element,
    /** Reads and draws a span. */
    async load({ from, to }) {
      const isWanted = questions.ask(`${from}-${to}`);
      const asked = { columns: 'busy_pct', from, to, points: POINTS, digits: 2, rows: MOST, fields: FIELDS };
      const answer = await get(`${hostPath(name)}/series/core`, asked).catch(() => null);
      if (!isWanted()) return;
      element.hidden = !answer?.rows.length;
      if (element.hidden) return;
      const rows = answer.rows.map(({ row, columns }) => ({ row, values: columns[0].avg }));
      rows.sort((a, b) => Number(a.row) - Number(b.row));
      shown = { rows, step: answer.step_ms, start: answer.start_ms, from, to };
      again();
    },
    themed: again,
    leave() {
      watch.disconnect();
      questions.end();
    },
  };
}
