// What is drawn of a host: each graph, its lines, and of which host-wide columns they are made.

import { t, tn } from './i18n.js';

/**
 * A line: its name, its colour, the columns that are added to make it, and those that are taken away. Where `need` says
 * which have to be known, it is made of those that are: an old kernel does not tell all kinds of memory.
 */
const line = (name, colour, plus, minus = [], need = [...plus, ...minus]) => ({
  name,
  colour,
  plus,
  minus,
  need,
});
/** Told beside the lines, and not drawn. */
const told = (name, unit, plus, minus = []) => ({ name, unit, plus, minus, need: [...plus, ...minus] });

/**
 * `kind`: a `stack` has its lines one upon the other, a `mirror` the first upwards and the second downwards, `lines`
 * are lines. `most` is the end of a whole, or the column that has it. `whole` counts the first so many lines of a
 * stack together under a name. `rules`: how the columns of alert rules begin that are about this graph; `ruler` is
 * the one whose limit is a height in a stack. `band`: the first line has the least and the most of each point.
 * `late` ones stand below the others, and are asked for when they come into sight.
 */
export const GRAPHS = [
  {
    key: 'cpu',
    title: 'CPU',
    kind: 'stack',
    unit: 'pct',
    most: 100,
    lines: [
      line(t('user'), 'c1', ['cpu_user_pct']),
      line(t('system'), 'c2', ['cpu_system_pct']),
      line(t('irq'), 'c4', ['cpu_irq_pct', 'cpu_softirq_pct']),
      line(t('nice'), 'c6', ['cpu_nice_pct']),
      line(t('iowait'), 'c5', ['cpu_iowait_pct']),
      line(t('steal'), 'c3', ['cpu_steal_pct']),
    ],
    whole: { name: t('busy'), lines: 4 },
    also: [told(t('guest, in user'), 'pct', ['cpu_guest_pct'])],
    rules: ['cpu_'],
    ruler: 'cpu_busy_pct',
  },
  {
    key: 'memory',
    title: t('Memory'),
    kind: 'stack',
    unit: 'bytes',
    most: 'mem_total_bytes',
    lines: [
      line(
        t('apps'),
        'c1',
        ['mem_total_bytes', 'mem_shmem_bytes'],
        [
          'mem_free_bytes',
          'mem_buffers_bytes',
          'mem_cached_bytes',
          'mem_s_reclaimable_bytes',
          'mem_s_unreclaim_bytes',
          'mem_kernel_stack_bytes',
          'mem_page_tables_bytes',
        ],
        ['mem_total_bytes', 'mem_free_bytes', 'mem_cached_bytes'],
      ),
      line(
        t('kernel'),
        'c4',
        ['mem_s_unreclaim_bytes', 'mem_kernel_stack_bytes', 'mem_page_tables_bytes'],
        [],
        [],
      ),
      line(
        t('cache'),
        'c6',
        ['mem_buffers_bytes', 'mem_cached_bytes', 'mem_s_reclaimable_bytes'],
        ['mem_shmem_bytes', 'mem_dirty_bytes'],
        ['mem_cached_bytes'],
      ),
      line(t('dirty'), 'c5', ['mem_dirty_bytes']),
    ],
    /** The cache is there for the taking: it is not loud. */
    quiet: [t('cache')],
    whole: { name: t('apps and kernel'), lines: 2 },
    also: [
      told(t('free'), 'bytes', ['mem_free_bytes']),
      told(t('swap used'), 'bytes', ['swap_total_bytes'], ['swap_free_bytes']),
    ],
    rules: ['mem_'],
    ruler: 'mem_used_pct',
  },
  {
    key: 'network',
    title: t('Network'),
    kind: 'mirror',
    unit: 'bytes_per_s',
    lines: [
      line(t('out|network'), 'c1', ['net_tx_bytes_per_s']),
      line(t('in|network'), 'c4', ['net_rx_bytes_per_s']),
    ],
    also: [
      told(t('errors, drops'), 'per_s', [
        'net_rx_errors_per_s',
        'net_tx_errors_per_s',
        'net_rx_dropped_per_s',
        'net_tx_dropped_per_s',
      ]),
    ],
    rules: ['net_rx_bytes', 'net_tx_bytes', 'net_rx_packets', 'net_tx_packets'],
  },
  {
    key: 'disk',
    title: t('Disk'),
    kind: 'mirror',
    unit: 'bytes_per_s',
    lines: [
      line(t('written'), 'c2', ['disk_written_bytes_per_s']),
      line(t('read|disk'), 'c5', ['disk_read_bytes_per_s']),
    ],
    also: [told(t('busiest'), 'pct', ['disk_busy_max_pct'])],
    rules: ['disk_read', 'disk_writ'],
  },
  {
    key: 'pressure',
    title: t('Pressure'),
    kind: 'lines',
    unit: 'pct',
    band: true,
    lines: [
      line('CPU', 'c1', ['pressure_cpu_some_pct']),
      line(t('memory'), 'c2', ['pressure_memory_some_pct']),
      line('I/O', 'c5', ['pressure_io_some_pct']),
    ],
    rules: ['pressure_'],
  },
  {
    key: 'load',
    title: t('Load'),
    kind: 'lines',
    unit: '',
    band: true,
    lines: [
      line(t('1 min'), 'c1', ['load_1']),
      line(t('5 min'), 'c2', ['load_5']),
      line(t('15 min'), 'c6', ['load_15']),
    ],
    level: { column: 'cpus_online', words: (n) => tn(n, '{n} core', '{n} cores') },
    rules: ['load_'],
  },
  {
    key: 'latency',
    title: t('Poll latency'),
    kind: 'lines',
    unit: 'us',
    band: true,
    lines: [line(t('mean'), 'c4', ['call_us'])],
    /** Read from the attempts, not from the values. */
    isOfAttempts: true,
    rules: [],
  },
  {
    key: 'space',
    title: t('Fullest disk'),
    kind: 'lines',
    unit: 'pct',
    most: 100,
    late: true,
    lines: [
      line(t('space used'), 'c1', ['fs_used_max_pct']),
      line(t('inodes used'), 'c2', ['fs_inodes_used_max_pct']),
      line(t('busiest disk'), 'c4', ['disk_busy_max_pct']),
    ],
    rules: ['fs_', 'disk_busy'],
  },
  {
    key: 'swap',
    title: t('Swap'),
    kind: 'lines',
    unit: 'pct',
    most: 100,
    late: true,
    lines: [line(t('used'), 'c1', ['swap_used_pct'])],
    rules: ['swap_'],
  },
  {
    key: 'system',
    title: t('Switches and interrupts'),
    kind: 'lines',
    unit: 'per_s',
    late: true,
    lines: [
      line(t('context switches'), 'c1', ['context_switches_per_s']),
      line(t('interrupts'), 'c2', ['interrupts_per_s']),
      line(t('soft interrupts'), 'c4', ['softirqs_per_s']),
    ],
    rules: ['context_', 'interrupts_', 'softirqs_'],
  },
  {
    key: 'processes',
    title: t('Processes'),
    kind: 'lines',
    unit: '',
    late: true,
    lines: [
      line(t('running'), 'c1', ['procs_running']),
      line(t('blocked'), 'c5', ['procs_blocked']),
      line(t('forks /s'), 'c4', ['forks_per_s']),
    ],
    rules: ['procs_', 'forks_', 'processes_'],
  },
  {
    key: 'tcp',
    title: 'TCP',
    kind: 'lines',
    unit: '',
    late: true,
    lines: [
      line(t('established'), 'c1', ['tcp_established']),
      line(t('retransmits /s'), 'c5', ['tcp_retransmitted_segments_per_s']),
      line(t('listen drops /s'), 'c2', ['tcp_listen_drops_per_s']),
    ],
    rules: ['tcp_'],
  },
  {
    key: 'faults',
    title: t('Network faults'),
    kind: 'lines',
    unit: 'per_s',
    late: true,
    lines: [
      line(t('errors in'), 'c1', ['net_rx_errors_per_s']),
      line(t('drops in'), 'c4', ['net_rx_dropped_per_s']),
      line(t('errors out'), 'c2', ['net_tx_errors_per_s']),
      line(t('drops out'), 'c5', ['net_tx_dropped_per_s']),
    ],
    rules: ['net_rx_errors', 'net_tx_errors', 'net_rx_dropped', 'net_tx_dropped'],
  },
];

/** The columns that a graph is drawn of. */
export function drawnOf({ lines, most }) {
  const all = lines.flatMap(({ plus, minus }) => [...plus, ...minus]);
  return [...new Set(typeof most === 'string' ? [...all, most] : all)];
}

/** The columns of which it tells the values of now. */
const toldOf = (graph) => [
  ...drawnOf(graph),
  ...(graph.also ?? []).flatMap(({ plus, minus }) => [...plus, ...minus]),
  ...(graph.level ? [graph.level.column] : []),
];

/** The host-wide columns of which graphs tell the values of now. */
export const TOLD = [...new Set(GRAPHS.flatMap(toldOf)), 'cpu_busy_pct', 'mem_available_bytes'].filter(
  (column) => column !== 'call_us',
);

/** The graph that a rule about a column belongs to; none for a rule about something else. */
export const graphOf = (column) =>
  column ? GRAPHS.find(({ rules }) => rules.some((begin) => column.startsWith(begin))) : undefined;

const isKnown = (value) => value !== null && value !== undefined;

/** A line's value, of the values that columns have: unknown when one that it needs is, and never below 0. */
export function valueOf({ plus, minus, need }, value) {
  let sum = 0;
  for (const column of need) if (!isKnown(value(column))) return value(column);
  if (!plus.some((column) => isKnown(value(column)))) return value(plus[0]);
  for (const [columns, sign] of [
    [plus, 1],
    [minus, -1],
  ]) {
    for (const column of columns) {
      sum += sign * (value(column) ?? 0);
    }
  }
  // Values are rounded one by one.
  return Math.max(0, sum);
}

/** A line's values over time, of columns with an entry per point. */
export function valuesOf(one, series, points) {
  const columns = [...one.plus, ...one.minus];
  if (columns.length === 1) return series.get(columns[0]) ?? Array(points).fill(null);
  const at = (point) => (column) => (series.has(column) ? series.get(column)[point] : null);
  return Array.from({ length: points }, (_, point) => valueOf(one, at(point)));
}

/**
 * Lines as they are drawn. Of a stack each lies upon those before it; one that is unknown, or `off`, takes no room.
 * Of a mirror the second goes downwards.
 */
export function heights(kind, values, off = new Set()) {
  if (kind === 'mirror')
    return values.map((all, position) => (position === 0 ? all : all.map((one) => (one > 0 ? -one : one))));
  if (kind !== 'stack') return values;
  const below = Array(values[0]?.length ?? 0).fill(0);
  return values.map((all, position) =>
    all.map((one, point) => {
      if (one === null || one === undefined || off.has(position)) return one;
      below[point] += one;
      return below[point];
    }),
  );
}
