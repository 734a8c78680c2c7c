// Charts of one host: uPlot where it was built in, else tables of the last values and why.

import { h, fill, colour } from './dom.js';
import { withUnit, unitOf, moment } from './format.js';
import { get, hostPath } from './api.js';
import { band } from './band.js';
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
/** Points asked for per chart, at least and at most. */
const POINTS = [60, 800];
/** Columns that the server gives in one answer at most. */
const MOST_COLUMNS = 20;

const label = (column) => column.replace(/_(pct|bytes_per_s|bytes)$/, '').replace(/_per_s$/, ' a second').replaceAll('_', ' ');

/** Charts whose columns fit into one answer. */
export function batches(charts) {
  const all = [];
  let room = 0;
  for (const chart of charts) {
    if (chart.columns.length > room) { all.push([]); room = MOST_COLUMNS; }
    all.at(-1).push(chart);
    room -= chart.columns.length;
  }
  return all;
}

/**
 * The charts of a host. `zoom(from, to)` is told when a stretch is dragged out.
 */
export function charts(name, zoom) {
  const cards = CHARTS.map((chart) => {
    const place = h('div', { class: 'plot' });
    const states = band();
    const card = h('section', { class: 'card', 'aria-label': chart.title }, h('h2', {}, chart.title), place, states.element);
    return { ...chart, place, states, card, plot: null };
  });
  const element = h('div', {}, missing ? h('p', { class: 'card' }, missing) : null, h('div', { class: 'charts' }, cards.map((one) => one.card)));
  let generation = 0;

  /** Draws a span; `bands` are the states in it. What came: tier and step, or nothing when it was outrun. */
  async function load(from, to, bands) {
    generation += 1;
    const mine = generation;
    const width = cards[0].place.clientWidth || 400;
    const points = Math.max(POINTS[0], Math.min(POINTS[1], Math.round(width)));
    let note = null;
    await Promise.all(batches(cards).map(async (some) => {
      const columns = some.flatMap((one) => one.columns);
      try {
        const answer = await get(`${hostPath(name)}/series`, { columns: columns.join(','), from, to, points });
        if (mine !== generation) return;
        note = { tier: answer.tier, step: answer.step_ms };
        const times = answer.polls.map((_, point) => answer.start_ms + point * answer.step_ms);
        const series = new Map(answer.columns.map((column) => [column.name, column.avg]));
        for (const one of some) {
          draw(one, [times.map((ms) => ms / 1000), ...one.columns.map((column) => series.get(column))], from, to);
          one.states.draw(from, to, bands, { times, polls: answer.polls, failed: answer.failed, step: answer.step_ms });
        }
      } catch (error) {
        if (mine !== generation) return;
        for (const one of some) { drop(one); fill(one.place, h('p', { class: 'none' }, error.message)); }
      }
    }));
    return mine === generation ? note : null;
  }

  function drop(one) {
    one.plot?.destroy();
    one.plot = null;
  }

  function draw(one, data, from, to) {
    if (!uPlot) {
      fill(one.place, h('table', {}, h('tbody', {}, one.columns.map((column, position) => {
        const last = data[position + 1].findLast((value) => value !== null);
        return h('tr', {}, h('th', { scope: 'row' }, label(column)), h('td', { class: 'num' }, withUnit(unitOf(column), last ?? null)));
      }))));
      return;
    }
    one.span = [from / 1000, to / 1000];
    // One that is there is kept: what is pointed at, dragged out or toggled off stays so when values come in.
    if (one.plot) {
      one.plot.setData(data);
    } else {
      one.empty = h('p', { class: 'over' }, 'Nothing is known here.');
      fill(one.place);
      one.plot = new uPlot(options(one, zoom), data, one.place);
      one.plot.root.querySelector('.u-legend').before(one.states.element);
      one.place.append(one.empty);
    }
    one.empty.hidden = !data.slice(1).every((values) => values.every((value) => value === null));
  }

  const resize = () => cards.forEach((one) => one.plot?.setSize({ width: one.place.clientWidth, height: HEIGHT }));
  addEventListener('resize', resize);
  return { element, load, leave: () => { removeEventListener('resize', resize); cards.forEach((one) => { drop(one); one.states.leave(); }); generation += 1; } };
}

const DAY_S = 86_400;
/** Moments along the bottom, as fine as the span wants. */
function ticks(plot, splits) {
  const span = plot.scales.x.max - plot.scales.x.min;
  let day = '';
  return splits.map((seconds) => {
    const [date, time] = moment(seconds * 1000).split(' ');
    if (span > 4 * DAY_S) return date.slice(5);
    const words = span < 600 ? time : time.slice(0, 5);
    const again = date === day;
    day = date;
    return again || span < DAY_S / 2 ? words : `${words}\n${date.slice(5)}`;
  });
}

/** Steps of an axis of bytes: powers of two, so that its labels are short. */
const BINARY = Array.from({ length: 60 }, (_, power) => 2 ** power);

/** The upper end of an axis: never 0 high, and percentages of a whole up to 100. */
const top = (most, high) => (most ? Math.max(most, high ?? 0) : ((high ?? 0) > 0 ? high * 1.08 : 1));

function options(one, zoom) {
  const unit = unitOf(one.columns[0]);
  // Asked for at each drawing: the theme may have changed.
  const grid = { stroke: () => colour('line'), width: 1 };
  const axis = { stroke: () => colour('soft'), grid, ticks: grid, font: '11px system-ui, sans-serif' };
  const values = (plot, ticks) => ticks.map((tick) => withUnit(unit, tick));
  return {
    width: one.place.clientWidth || 420,
    height: HEIGHT,
    cursor: { sync: { key: 'host' }, drag: { x: true, y: false, setScale: false } },
    scales: { x: { range: () => one.span }, y: { range: (plot, low, high) => [Math.min(0, low ?? 0), top(one.most, high)] } },
    axes: [{ ...axis, values: ticks, space: 64 }, { ...axis, size: 74, values, ...(unit.startsWith('bytes') ? { incrs: BINARY } : {}) }],
    series: [{ value: (plot, seconds) => (seconds === null ? '–' : moment(seconds * 1000)) }, ...one.columns.map((column, position) => ({
      label: label(column), stroke: LINES[position % LINES.length], width: 1.5, spanGaps: false,
      // A value between two gaps has no line, so it gets a dot.
      points: { show: (plot, series, first, last) => last - first < 60, size: 4 },
      value: (plot, value) => withUnit(unitOf(column), value),
    }))],
    // The strip of states lies under the lines that it explains, moment under moment.
    hooks: { draw: [(plot) => one.states.place(plot.bbox.left / devicePixelRatio, plot.bbox.width / devicePixelRatio)], setSelect: [(plot) => {
      if (plot.select.width < 4) return;
      const begin = plot.posToVal(plot.select.left, 'x') * 1000;
      const end = plot.posToVal(plot.select.left + plot.select.width, 'x') * 1000;
      plot.setSelect({ left: 0, top: 0, width: 0, height: 0 }, false);
      zoom(Math.round(begin), Math.round(end));
    }] },
  };
}
