// Charts of one host: uPlot where it was built in, else tables of the last values and why.

import { h, fill, colour } from './dom.js';
import { withUnit, unitOf, moment } from './format.js';
import { get, hostPath } from './api.js';
import { uPlot, missing } from './uplot.js';

/** What is drawn, family by family; `columns` are host-wide ones. */
export const CHARTS = [
  { title: 'CPU', columns: ['cpu_user_pct', 'cpu_system_pct', 'cpu_iowait_pct', 'cpu_softirq_pct', 'cpu_steal_pct', 'cpu_busy_pct'], most: 100 },
  { title: 'Load', columns: ['load_1', 'load_5', 'load_15'] },
  { title: 'Memory', columns: ['mem_total_bytes', 'mem_available_bytes', 'mem_cached_bytes', 'mem_dirty_bytes'] },
  { title: 'Memory and swap in use', columns: ['mem_used_pct', 'swap_used_pct'], most: 100 },
  { title: 'Pressure: some tasks waited for', columns: ['pressure_cpu_some_pct', 'pressure_memory_some_pct', 'pressure_io_some_pct'] },
  { title: 'Network', columns: ['net_rx_bytes_per_s', 'net_tx_bytes_per_s'] },
  { title: 'Network errors and drops', columns: ['net_rx_errors_per_s', 'net_rx_dropped_per_s', 'net_tx_errors_per_s', 'net_tx_dropped_per_s'] },
  { title: 'Disks', columns: ['disk_read_bytes_per_s', 'disk_written_bytes_per_s'] },
  { title: 'Busiest disk, fullest filesystem', columns: ['disk_busy_max_pct', 'fs_used_max_pct', 'fs_inodes_used_max_pct'], most: 100 },
  { title: 'System', columns: ['context_switches_per_s', 'interrupts_per_s', 'softirqs_per_s'] },
  { title: 'Processes', columns: ['procs_running', 'procs_blocked', 'forks_per_s'] },
  { title: 'TCP', columns: ['tcp_established', 'tcp_retransmitted_segments_per_s', 'tcp_listen_drops_per_s'] },
];

/** Told apart by lightness as well as by hue (after Okabe and Ito). */
const LINES = ['#0072b2', '#d55e00', '#009e73', '#cc79a7', '#b8860b', '#56b4e9'];
const HEIGHT = 170;
/** Points asked for per chart at most. */
const MOST_POINTS = 800;

const label = (column) => column.replace(/_(pct|bytes_per_s|bytes)$/, '').replace(/_per_s$/, ' a second').replaceAll('_', ' ');

/**
 * The charts of a host. `zoom(from, to)` is told when a stretch is dragged out.
 */
export function charts(name, zoom) {
  const element = h('div', { class: 'charts' });
  const cards = CHARTS.map((chart) => {
    const place = h('div', {});
    const band = h('canvas', { class: 'band', height: 10, role: 'img' });
    const card = h('section', { class: 'card', 'aria-label': chart.title }, h('h2', {}, chart.title), place, band);
    return { ...chart, place, band, card, plot: null };
  });
  fill(element, missing ? h('p', { class: 'card' }, missing) : null, cards.map((one) => one.card));
  let generation = 0;

  async function load(from, to, bands) {
    generation += 1;
    const mine = generation;
    const points = Math.max(60, Math.min(MOST_POINTS, Math.round((element.clientWidth || 800) / 2)));
    const note = { tier: '', step: 0 };
    await Promise.all(cards.map(async (one) => {
      try {
        const answer = laid(await get(`${hostPath(name)}/series`, { columns: one.columns.join(','), from, to, points }));
        if (mine !== generation) return;
        note.tier = answer.tier;
        note.step = answer.step_ms;
        draw(one, answer, from, to);
        paintBand(one.band, from, to, bands, answer);
      } catch (error) {
        if (mine === generation) { drop(one); fill(one.place, h('p', { class: 'none' }, error.message)); }
      }
    }));
    return mine === generation ? note : null;
  }

  function drop(one) {
    one.plot?.destroy();
    one.plot = null;
  }

  function draw(one, answer, from, to) {
    const data = table(answer, one.columns);
    const unit = unitOf(one.columns[0]);
    if (!uPlot) {
      fill(one.place, h('table', {}, h('tbody', {}, one.columns.map((column, position) => {
        const values = data[position + 1];
        const last = [...values].reverse().find((value) => value !== null);
        return h('tr', {}, h('th', { scope: 'row' }, label(column)), h('td', { class: 'num' }, withUnit(unitOf(column), last ?? null)));
      }))));
      return;
    }
    drop(one);
    fill(one.place);
    one.plot = new uPlot(options(one, unit, from, to, zoom), data, one.place);
  }

  const resize = () => cards.forEach((one) => one.plot?.setSize({ width: one.place.clientWidth, height: HEIGHT }));
  addEventListener('resize', resize);
  return { element, load, leave: () => { removeEventListener('resize', resize); cards.forEach(drop); generation += 1; } };
}

/** The answer with the moment of each point, and its columns by name. */
const laid = (answer) => ({
  ...answer,
  times_ms: answer.failed.map((_, position) => answer.start_ms + position * answer.step_ms),
  columns: Object.fromEntries(answer.columns.map((column) => [column.name, column])),
});

/** The answer as uPlot wants it: seconds, then a row of values per column; a gap is null. */
function table(answer, columns) {
  return [answer.times_ms.map((ms) => ms / 1000), ...columns.map((column) => answer.columns[column].avg)];
}

function options(one, unit, from, to, zoom) {
  const ink = colour('soft');
  const grid = { stroke: colour('line'), width: 1 };
  const values = (plot, ticks) => ticks.map((tick) => withUnit(unit, tick));
  return {
    width: one.place.clientWidth || 420,
    height: HEIGHT,
    cursor: { sync: { key: 'host' }, drag: { x: true, y: false, setScale: false } },
    scales: { x: { min: from / 1000, max: to / 1000, range: () => [from / 1000, to / 1000] }, y: { range: (plot, low, high) => [Math.min(0, low ?? 0), one.most ? Math.max(one.most, high ?? 0) : ((high ?? 0) || 1) * 1.08] } },
    axes: [{ stroke: ink, grid }, { stroke: ink, grid, size: 74, values }],
    series: [{ value: (plot, seconds) => (seconds === null ? '' : moment(seconds * 1000)) }, ...one.columns.map((column, position) => ({
      label: label(column), stroke: LINES[position % LINES.length], width: 1.5, spanGaps: false, points: { show: false },
      value: (plot, value) => withUnit(unitOf(column), value),
    }))],
    hooks: { setSelect: [(plot) => {
      if (plot.select.width < 4) return;
      const begin = plot.posToVal(plot.select.left, 'x') * 1000;
      const end = plot.posToVal(plot.select.left + plot.select.width, 'x') * 1000;
      plot.setSelect({ width: 0, height: 0 }, false);
      zoom(Math.round(begin), Math.round(end));
    }] },
  };
}

/** The state over the span, and where polls failed. */
function paintBand(canvas, from, to, bands, answer) {
  const width = canvas.clientWidth || 400;
  canvas.width = width;
  const pen = canvas.getContext('2d');
  const x = (ms) => ((ms - from) / (to - from)) * width;
  for (const { state, begin, end } of bands) {
    pen.fillStyle = colour(state);
    pen.fillRect(x(Math.max(begin, from)), 0, Math.max(1, x(Math.min(end, to)) - x(Math.max(begin, from))), 10);
  }
  pen.fillStyle = colour('down');
  answer.failed.forEach((failed, position) => {
    if (failed) pen.fillRect(x(answer.times_ms[position]), 5, Math.max(1, (answer.step_ms / (to - from)) * width), 5);
  });
  const failed = answer.failed.reduce((sum, one) => sum + one, 0);
  canvas.setAttribute('aria-label', `States over the span: ${bands.map((band) => band.state).join(', ') || 'unknown'}; ${failed} failed polls`);
}
