// Charts of one host: uPlot where it was built in, else tables of the last values and why.

import { h, fill, renew } from './dom.js';
import { withUnit, unitOf } from './format.js';
import { get, hostPath } from './api.js';
import { band } from './band.js';
import { gaps } from './gaps.js';
import { latest } from './latest.js';
import { plot } from './plot.js';
import { undue } from './points.js';
import { uPlot, missing } from './uplot.js';

/** What is drawn, family by family; `lines` are host-wide columns and what they are called. */
export const CHARTS = [
  {
    title: 'CPU',
    lines: {
      cpu_busy_pct: 'Busy',
      cpu_user_pct: 'User',
      cpu_nice_pct: 'Nice',
      cpu_system_pct: 'System',
      cpu_irq_pct: 'Interrupts',
      cpu_softirq_pct: 'Soft interrupts',
      cpu_iowait_pct: 'I/O wait',
      cpu_steal_pct: 'Steal',
      cpu_guest_pct: 'Guest, part of user',
    },
    most: 100,
  },
  { title: 'Load', lines: { load_1: '1 min', load_5: '5 min', load_15: '15 min' } },
  {
    title: 'Memory',
    lines: {
      mem_total_bytes: 'Total',
      mem_available_bytes: 'Available',
      mem_cached_bytes: 'Cached',
      mem_dirty_bytes: 'Dirty',
    },
  },
  { title: 'Memory and swap in use', lines: { mem_used_pct: 'Memory', swap_used_pct: 'Swap' }, most: 100 },
  {
    title: 'Pressure: some tasks waited for',
    lines: { pressure_cpu_some_pct: 'CPU', pressure_memory_some_pct: 'Memory', pressure_io_some_pct: 'I/O' },
  },
  { title: 'Network', lines: { net_rx_bytes_per_s: 'In', net_tx_bytes_per_s: 'Out' } },
  {
    title: 'Network faults a second',
    lines: {
      net_rx_errors_per_s: 'Errors in',
      net_rx_dropped_per_s: 'Drops in',
      net_tx_errors_per_s: 'Errors out',
      net_tx_dropped_per_s: 'Drops out',
    },
  },
  { title: 'Disks', lines: { disk_read_bytes_per_s: 'Read', disk_written_bytes_per_s: 'Written' } },
  {
    title: 'Busiest disk, fullest filesystem',
    lines: {
      disk_busy_max_pct: 'Disk busy',
      fs_used_max_pct: 'Space used',
      fs_inodes_used_max_pct: 'Inodes used',
    },
    most: 100,
  },
  {
    title: 'System, a second',
    lines: {
      context_switches_per_s: 'Context switches',
      interrupts_per_s: 'Interrupts',
      softirqs_per_s: 'Soft interrupts',
    },
  },
  {
    title: 'Processes',
    lines: { procs_running: 'Running', procs_blocked: 'Blocked', forks_per_s: 'Forks a second' },
  },
  {
    title: 'TCP',
    lines: {
      tcp_established: 'Established',
      tcp_retransmitted_segments_per_s: 'Retransmits a second',
      tcp_listen_drops_per_s: 'Listen drops a second',
    },
  },
].map((chart) => ({ ...chart, columns: Object.keys(chart.lines) }));

/** Points asked for per chart, at least and at most; one for so many px. */
const POINTS = [60, 800];
const POINT_PX = 2;
/** What of an answer is drawn, and as many digits of a value as a chart and its legend show. */
const DRAWN = 'tier,step_ms,start_ms,polls,failed,columns.name,columns.avg';
const DIGITS = 4;
/** Columns that the server gives in one answer at most. */
const MOST_COLUMNS = 20;

/** Charts whose columns fit into one answer. */
export function batches(list) {
  const all = [];
  let room = 0;
  for (const chart of list) {
    if (chart.columns.length > room) {
      all.push([]);
      room = MOST_COLUMNS;
    }
    all.at(-1).push(chart);
    room -= chart.columns.length;
  }
  return all;
}

/** A chart's card, with nothing drawn in it yet. */
function cardOf(chart) {
  const place = h('div', { class: 'plot' });
  const states = band();
  const told = h('ul', { class: 'rules', hidden: true });
  const card = h(
    'section',
    { class: 'card', 'aria-label': chart.title },
    h('h2', {}, chart.title),
    place,
    states.element,
    told,
  );
  return { ...chart, place, states, told, rules: [], card, plot: null };
}

const isKnown = (value) => value !== null && value !== undefined;

/** Without the library: the last value of each line. */
function listLast(one, data) {
  const row = (column, position) => {
    const last = data[position + 1].findLast(isKnown) ?? null;
    const value = h('td', { class: 'num' }, withUnit(unitOf(column), last));
    return h('tr', {}, h('th', { scope: 'row' }, one.lines[column]), value);
  };
  fill(one.place, h('table', {}, h('tbody', {}, one.columns.map(row))));
}

/** An answer as charts take it: seconds, then values by column; and the polls behind each point. */
function drawable(answer) {
  const { polls, failed, step_ms: step } = answer;
  const times = polls.map((_, point) => answer.start_ms + point * step);
  // uPlot draws a line over what is undefined, and ends it at what is null.
  const skipped = undue(times, polls);
  const joined = ({ name, avg }) => [name, avg.map((value, point) => (skipped[point] ? undefined : value))];
  const series = new Map(answer.columns.map(joined));
  return { seconds: times.map((ms) => ms / 1000), series, fails: { times, polls, failed, step } };
}

/** Says below a chart which rules its dashed lines are of and how often each fired, and has it draw them. */
function mark(one, rules) {
  one.rules = one.columns.flatMap((column) => rules.get(column) ?? []);
  const told = one.rules.map(({ name, when, fired }) => {
    const times = fired.length === 1 ? 'fired once' : `fired ${fired.length} times`;
    return h('li', {}, h('b', {}, name), ` ${when}`, fired.length ? ` · ${times} in this span` : null);
  });
  renew(one.told, told);
  one.told.hidden = told.length === 0;
  one.plot?.setData(one.plot.data);
}

function drop(one) {
  one.plot?.destroy();
  one.plot = null;
}

/**
 * The charts of a host. `zoom(from, to)` is called when a stretch is dragged out, `widen()` when a chart is
 * double-clicked; `words(error)` says why there is nothing.
 */
export function charts(name, zoom, widen, words) {
  const cards = CHARTS.map(cardOf);
  const grid = h(
    'div',
    { class: 'charts' },
    cards.map(({ card }) => card),
  );
  /** Why nothing could be read: once, not in every chart. */
  const trouble = h('p', { class: 'card none', role: 'status', hidden: true });
  const element = h('div', {}, missing ? h('p', { class: 'card' }, missing) : null, trouble, grid);
  const questions = latest();
  const why = gaps(name);

  function draw(one, { seconds, series, fails }, { from, to, states }) {
    const data = [seconds, ...one.columns.map((column) => series.get(column))];
    one.fails = fails;
    one.span = [from / 1000, to / 1000];
    if (!uPlot) listLast(one, data);
    // One that is there is kept: what is pointed at, dragged out or toggled off stays so when values come in.
    else if (one.plot) one.plot.setData(data);
    else plot(one, data, { zoom, widen, why });
    if (one.empty) one.empty.hidden = data.slice(1).some((values) => values.some(isKnown));
    one.states.draw(from, to, states, { ...fails, why });
  }

  /** Draws `span`: its ends, the states in it. What came: tier and step, or nothing when it was outrun. */
  async function load(span, about) {
    const isWanted = questions.ask(about);
    const { from, to } = span;
    const width = cards[0].place.clientWidth || 400;
    const points = Math.max(POINTS[0], Math.min(POINTS[1], Math.round(width / POINT_PX)));
    const came = { note: null, refused: '' };
    const asked = { from, to, points, digits: DIGITS, fields: DRAWN };
    const ask = async (some) => {
      const columns = some.flatMap((one) => one.columns).join(',');
      try {
        const answer = await get(`${hostPath(name)}/series`, { columns, ...asked });
        if (!isWanted()) return;
        came.note = { tier: answer.tier, step: answer.step_ms };
        // A chart is as wide as its place is.
        grid.hidden = false;
        const what = drawable(answer);
        for (const one of some) draw(one, what, span);
      } catch (error) {
        came.refused = words(error);
      }
    };
    await Promise.all(batches(cards).map(ask));
    if (!isWanted()) return null;
    trouble.textContent = came.refused;
    trouble.hidden = came.refused === '';
    grid.hidden = came.note === null;
    return came.note;
  }

  const resize = () => {
    for (const { plot: drawn, place } of cards)
      drawn?.setSize({ width: place.clientWidth, height: drawn.height });
  };
  addEventListener('resize', resize);
  return {
    element,
    load,
    /** Draws where the thresholds of rules are, by column, and when they fired. */
    mark: (rules) => cards.forEach((one) => mark(one, rules)),
    /** Colours are another theme's: what is drawn is drawn again. */
    themed: () => cards.forEach(drop),
    leave: () => {
      removeEventListener('resize', resize);
      questions.end();
      for (const one of cards) {
        drop(one);
        one.states.leave();
      }
    },
  };
}
