// Charts of one host: uPlot where it was built in, else tables of the last values and why.

import { h, fill, colour } from './dom.js';
import { withUnit, unitOf, moment } from './format.js';
import { get, hostPath } from './api.js';
import { band } from './band.js';
import { gaps } from './gaps.js';
import { lone, undue } from './points.js';
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

/** Colours of lines in the theme's style, told apart by lightness as well as by hue (after Okabe and Ito). */
const LINES = 9;
const HEIGHT = 170;
/** Points asked for per chart, at least and at most; one for so many px. */
const POINTS = [60, 800];
const POINT_PX = 2;
/** What of an answer is drawn, and as many digits of a value as a chart and its legend show. */
const DRAWN = 'tier,step_ms,start_ms,polls,failed,columns.name,columns.avg';
const DIGITS = 4;
/** Columns that the server gives in one answer at most. */
const MOST_COLUMNS = 20;

/** Charts whose columns fit into one answer. */
export function batches(charts) {
  const all = [];
  let room = 0;
  for (const chart of charts) {
    if (chart.columns.length > room) {
      all.push([]);
      room = MOST_COLUMNS;
    }
    all.at(-1).push(chart);
    room -= chart.columns.length;
  }
  return all;
}

/**
 * The charts of a host. `zoom(from, to)` is told when a stretch is dragged out, `widen()` when a chart is double-clicked; `words(error)` says why there is nothing.
 */
export function charts(name, zoom, widen, words) {
  const cards = CHARTS.map((chart) => {
    const place = h('div', { class: 'plot' });
    const states = band();
    const card = h(
      'section',
      { class: 'card', 'aria-label': chart.title },
      h('h2', {}, chart.title),
      place,
      states.element,
    );
    return { ...chart, place, states, card, plot: null };
  });
  const all = h(
    'div',
    { class: 'charts' },
    cards.map((one) => one.card),
  );
  /** Why nothing could be read: once, not in every chart. */
  const trouble = h('p', { class: 'card none', role: 'status', hidden: true });
  const element = h('div', {}, missing ? h('p', { class: 'card' }, missing) : null, trouble, all);
  let generation = 0;
  const why = gaps(name);

  /** Draws a span; `bands` are the states in it. What came: tier and step, or nothing when it was outrun. */
  async function load(from, to, bands) {
    generation += 1;
    const mine = generation;
    const width = cards[0].place.clientWidth || 400;
    const points = Math.max(POINTS[0], Math.min(POINTS[1], Math.round(width / POINT_PX)));
    let note = null;
    let refused = '';
    await Promise.all(
      batches(cards).map(async (some) => {
        const columns = some.flatMap((one) => one.columns);
        try {
          const answer = await get(`${hostPath(name)}/series`, {
            columns: columns.join(','),
            from,
            to,
            points,
            digits: DIGITS,
            fields: DRAWN,
          });
          if (mine !== generation) return;
          note = { tier: answer.tier, step: answer.step_ms };
          // A chart is as wide as its place is.
          all.hidden = false;
          const times = answer.polls.map((_, point) => answer.start_ms + point * answer.step_ms);
          // uPlot draws a line over what is undefined, and ends it at what is null.
          const skipped = undue(times, answer.polls);
          const series = new Map(
            answer.columns.map((column) => [
              column.name,
              column.avg.map((value, point) => (skipped[point] ? undefined : value)),
            ]),
          );
          const fails = { times, polls: answer.polls, failed: answer.failed, step: answer.step_ms };
          for (const one of some) {
            one.fails = fails;
            draw(
              one,
              [times.map((ms) => ms / 1000), ...one.columns.map((column) => series.get(column))],
              from,
              to,
            );
            one.states.draw(from, to, bands, { ...fails, why });
          }
        } catch (error) {
          if (mine !== generation) return;
          refused = words(error);
        }
      }),
    );
    if (mine !== generation) return null;
    trouble.textContent = refused;
    trouble.hidden = refused === '';
    all.hidden = note === null;
    return note;
  }

  function drop(one) {
    one.plot?.destroy();
    one.plot = null;
  }

  function draw(one, data, from, to) {
    if (!uPlot) {
      fill(
        one.place,
        h(
          'table',
          {},
          h(
            'tbody',
            {},
            one.columns.map((column, position) => {
              const last = data[position + 1].findLast((value) => value !== null && value !== undefined);
              return h(
                'tr',
                {},
                h('th', { scope: 'row' }, one.lines[column]),
                h('td', { class: 'num' }, withUnit(unitOf(column), last ?? null)),
              );
            }),
          ),
        ),
      );
      return;
    }
    one.span = [from / 1000, to / 1000];
    // One that is there is kept: what is pointed at, dragged out or toggled off stays so when values come in.
    if (one.plot) {
      one.plot.setData(data);
    } else {
      one.empty = h('p', { class: 'over' }, 'Nothing is known here.');
      one.gap = h('p', { class: 'gap', hidden: true });
      fill(one.place);
      one.plot = new uPlot(options(one, zoom, widen, why), data, one.place);
      legend(one);
      one.plot.root.querySelector('.u-legend').before(one.states.element);
      one.place.append(one.empty, one.gap);
    }
    one.empty.hidden = !data
      .slice(1)
      .every((values) => values.every((value) => value === null || value === undefined));
  }

  const resize = () =>
    cards.forEach((one) => one.plot?.setSize({ width: one.place.clientWidth, height: HEIGHT }));
  addEventListener('resize', resize);
  /** Colours are another theme's: what is drawn is drawn anew. */
  const themed = () => cards.forEach(drop);
  return {
    element,
    load,
    themed,
    leave: () => {
      removeEventListener('resize', resize);
      cards.forEach((one) => {
        drop(one);
        one.states.leave();
      });
      generation += 1;
    },
  };
}

const DAY_S = 86_400;
/** Whether the labels of a span have their day under them. */
const days = ({ scales: { x } }) => x.max - x.min >= DAY_S / 2;
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
    return again || !days(plot) ? words : `${words}\n${date.slice(5)}`;
  });
}

/** Steps of an axis of bytes: powers of two, so that its labels are short. */
const BINARY = Array.from({ length: 60 }, (_, power) => 2 ** power);

/** Digits after the point that steps so wide have, at most four. */
const decimals = (step) => Math.min(4, (String(step).split('.')[1] ?? '0000').length);

/** The upper end of an axis: never 0 high, and percentages of a whole up to 100. */
const top = (most, high) => (most ? Math.max(most, high ?? 0) : (high ?? 0) > 0 ? high * 1.08 : 1);

/** Lines are switched by keys as by clicks. */
function legend(one) {
  const table = one.plot.root.querySelector('.u-legend');
  table.setAttribute('role', 'group');
  table.setAttribute('aria-label', `Lines of ${one.title}`);
  [...table.querySelectorAll('.u-series')].slice(1).forEach((row) => {
    const name = row.querySelector('th');
    Object.assign(name, { tabIndex: 0, title: 'Show or hide this line' });
    name.setAttribute('role', 'button');
    name.setAttribute('aria-pressed', 'true');
    // The value beside the name is as good a place to hit.
    row.addEventListener('click', (event) => {
      if (!name.contains(event.target)) name.click();
    });
    name.addEventListener('keydown', (event) => {
      if (event.key !== 'Enter' && event.key !== ' ') return;
      event.preventDefault();
      name.click();
    });
  });
}

/** Shades the moments of which polls brought no values: a gap is no line that is missing by chance. */
function shade(plot, { times, polls, failed, step }) {
  const { left, top: above, width, height } = plot.bbox;
  const x = (ms) => Math.min(left + width, Math.max(left, plot.valToPos(ms / 1000, 'x', true)));
  plot.ctx.save();
  plot.ctx.fillStyle = colour('down');
  failed.forEach((count, point) => {
    if (!count) return;
    plot.ctx.globalAlpha = 0.06 + 0.14 * (count / Math.max(1, polls[point]));
    const begin = x(times[point]);
    plot.ctx.fillRect(begin, above, Math.max(devicePixelRatio, x(times[point] + step) - begin), height);
  });
  plot.ctx.restore();
}

/** Says why there is a gap where the cursor is. */
function explain(one, plot, why) {
  const { times, polls, failed, step } = one.fails;
  const { left } = plot.cursor;
  const point = left >= 0 ? Math.floor((plot.posToVal(left, 'x') * 1000 - times[0]) / step) : -1;
  one.gap.hidden = !failed[point];
  if (one.gap.hidden) return;
  one.again ??= () => one.plot && explain(one, one.plot, why);
  const outcomes = why.words(times[point], times[point] + step, one.again);
  one.gap.textContent = `${failed[point]} of ${polls[point]} failed${outcomes ? `: ${outcomes}` : ''}`;
}

function options(one, zoom, widen, why) {
  const unit = unitOf(one.columns[0]);
  // Asked for at each drawing: the theme may have changed.
  const grid = { stroke: () => colour('line'), width: 1 };
  const axis = { stroke: () => colour('soft'), grid, ticks: grid, font: '11px system-ui, sans-serif' };
  // Labels are as fine as the steps between them, and no longer: two that are the same say nothing.
  const values = (plot, ticks, axis, space, step) =>
    ticks.map((tick) =>
      step < 1
        ? `${tick.toFixed(decimals(step))}${unit === 'pct' ? ' %' : ''}`
        : withUnit(unit, tick).replace('.0 ', ' '),
    );
  // While nothing is pointed at the legend has the last value there is.
  const last = (plot, series) =>
    plot.data?.[series]?.findLast((value) => value !== null && value !== undefined) ?? null;
  return {
    width: one.place.clientWidth || 420,
    height: HEIGHT,
    // Half of the last label lies right of the plot.
    padding: [8, 26, 0, 0],
    // What is pointed at is shared with the host's other charts; what is dragged out is not: one drag is one zoom.
    cursor: {
      sync: { key: 'host', filters: { pub: (type) => type !== 'mousedown' && type !== 'mouseup' } },
      drag: { x: true, y: false, setScale: false },
      bind: {
        dblclick: () => () => {
          widen();
          return null;
        },
      },
    },
    scales: {
      x: { range: () => one.span },
      y: { range: (plot, low, high) => [Math.min(0, low ?? 0), top(one.most, high)] },
    },
    axes: [
      { ...axis, values: ticks, space: 64, size: (plot) => (days(plot) ? 42 : 28) },
      { ...axis, size: 68, values, ...(unit.startsWith('bytes') ? { incrs: BINARY } : {}) },
    ],
    series: [
      {
        label: 'At',
        value: (plot, seconds) =>
          seconds === null || seconds === undefined ? 'last value' : moment(seconds * 1000),
      },
      ...one.columns.map((column, position) => ({
        label: one.lines[column],
        stroke: colour(`chart-${position % LINES}`),
        width: 1.5,
        spanGaps: false,
        // A value between two gaps has no line, so it gets a dot.
        points: {
          show: (plot, series, first, last) => last - first < 60,
          filter: (plot, series, all) => (all ? null : lone(plot.data[series])),
          size: 4,
        },
        value: (plot, value, series, index) =>
          withUnit(unitOf(column), index === null || index === undefined ? last(plot, series) : value),
      })),
    ],
    hooks: {
      drawClear: [(plot) => shade(plot, one.fails)],
      // The strip of states lies under the lines that it explains, moment under moment.
      draw: [
        (plot) => one.states.place(plot.bbox.left / devicePixelRatio, plot.bbox.width / devicePixelRatio),
      ],
      setCursor: [(plot) => explain(one, plot, why)],
      setSeries: [
        (plot) =>
          plot.root
            .querySelectorAll('.u-series th[role=button]')
            .forEach((name, position) =>
              name.setAttribute('aria-pressed', String(plot.series[position + 1].show)),
            ),
      ],
      setSelect: [
        (plot) => {
          if (plot.select.width < 4) return;
          const begin = plot.posToVal(plot.select.left, 'x') * 1000;
          const end = plot.posToVal(plot.select.left + plot.select.width, 'x') * 1000;
          plot.setSelect({ left: 0, top: 0, width: 0, height: 0 }, false);
          zoom(Math.round(begin), Math.round(end));
        },
      ],
    },
  };
}
