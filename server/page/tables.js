// What repeats in a host's last poll: cores, interfaces, disks, filesystems, soft interrupts, processes.

import { h, colour, renew, titles } from './dom.js';
import { bytes, count, moment, number, percent, rate, UNKNOWN } from './format.js';
import { get, hostPath } from './api.js';
import { filling } from './filling.js';
import { latest } from './latest.js';

/** Rows of a table that are seen without scrolling. */
const SEEN = 10;
const IRQS = ['net_rx', 'net_tx', 'timer', 'sched', 'rcu', 'block', 'tasklet', 'hrtimer', 'hi'];

const ms = (value) => (value === null ? UNKNOWN : `${number(value, 1)} ms`);
const sum = (a, b) => (a === null && b === null ? null : (a ?? 0) + (b ?? 0));

/** A table: its columns' names, each with its cell of a row; names that begin with # are of numbers. */
function listing(title, columns, rows) {
  const heading = h('h2', {}, title);
  if (rows.length === 0) return h('section', { class: 'part' }, heading, h('p', { class: 'none' }, 'None.'));
  const names = Object.keys(columns);
  const cells = Object.entries(columns).map(([name, cell]) => [
    { class: name.startsWith('#') ? 'num' : '' },
    cell,
  ]);
  const line = (row) =>
    h(
      'tr',
      {},
      cells.map(([props, cell]) => h('td', props, cell(row))),
    );
  const table = h('table', {}, titles(names), h('tbody', {}, rows.map(line)));
  const kind = rows.length > SEEN ? 'scroll short' : 'wide';
  const region = h('div', { class: kind, tabIndex: 0, role: 'region', 'aria-label': title }, table);
  return h('section', { class: 'part' }, heading, region);
}

function core(row) {
  const shares = ['user', 'system', 'iowait', 'steal'].map(
    (kind) => `${kind} ${percent(row[`${kind}_pct`])}`,
  );
  const title = `core ${row.core}: ${shares.join(', ')}`;
  const cell = h('span', { title }, row.busy_pct === null ? UNKNOWN : row.busy_pct.toFixed(0));
  const ink = row.busy_pct >= 90 ? 'hot' : row.busy_pct >= 75 ? 'warm' : 'bar';
  if (row.busy_pct !== null) {
    const share = Math.min(100, row.busy_pct).toFixed(0);
    cell.style.background = `color-mix(in srgb, ${colour(ink)} ${share}%, transparent)`;
  }
  return cell;
}

const cores = (rows) =>
  h(
    'section',
    { class: 'part' },
    h('h2', {}, `Cores (${rows.length})`),
    h('div', { class: 'cores' }, rows.map(core)),
  );

const NET = {
  Interface: (row) => row.interface,
  '#In': (row) => rate(row.rx_bytes_per_s),
  '#Out': (row) => rate(row.tx_bytes_per_s),
  '#Packets in': (row) => count(row.rx_packets_per_s),
  '#Packets out': (row) => count(row.tx_packets_per_s),
  '#Errors': (row) => count(sum(row.rx_errors_per_s, row.tx_errors_per_s)),
  '#Dropped': (row) => count(sum(row.rx_dropped_per_s, row.tx_dropped_per_s)),
};
const DISK = {
  Device: (row) => row.device,
  '#Read': (row) => rate(row.read_bytes_per_s),
  '#Written': (row) => rate(row.written_bytes_per_s),
  '#Reads a second': (row) => count(row.reads_per_s),
  '#Writes a second': (row) => count(row.writes_per_s),
  '#Read takes': (row) => ms(row.read_await_ms),
  '#Write takes': (row) => ms(row.write_await_ms),
  '#Busy': (row) => percent(row.busy_pct),
};
/** `full` says when each mount is full. */
const filesystems = (full) => ({
  Mount: (row) => row.mount_point,
  Device: (row) => row.device,
  Type: (row) => row.fs_type,
  '#Size': (row) => bytes(row.size_bytes),
  '#Available': (row) => bytes(row.available_bytes),
  '#Used': (row) => percent(row.used_pct),
  '#Inodes': (row) => percent(row.inodes_used_pct),
  '#Full in about': (row) => full(row.mount_point),
  State: (row) => (row.read_only ? `${row.status}, read-only` : row.status),
});
const SOFTIRQ = {
  Core: (row) => row.core,
  ...Object.fromEntries(IRQS.map((kind) => [`#${kind.toUpperCase()}`, (row) => count(row[`${kind}_per_s`])])),
};
const PROCESS = {
  Pid: (row) => row.pid,
  Name: (row) => row.comm,
  State: (row) => row.state,
  '#CPU': (row) => percent(row.cpu_pct),
  '#Memory': (row) => bytes(row.rss_bytes),
  '#Threads': (row) => count(row.threads),
};

const repeated = (detail, full) => [
  cores(detail.core),
  listing('Interfaces', NET, detail.net),
  listing('Disks', DISK, detail.disk),
  listing('Filesystems', filesystems(full), detail.filesystem),
  listing('Soft interrupts a second', SOFTIRQ, detail.softirq),
  detail.process.length ? listing('Processes', PROCESS, detail.process) : null,
];

/** Why there are no tables. */
const without = (host) =>
  host.last
    ? 'No poll that brought values is kept: cores, disks and filesystems are not known.'
    : 'It was not polled yet.';

const since = (poll) =>
  h('p', { class: 'hint' }, `As of ${moment(poll.slot_ms)}: polls since then brought no values.`);

/** `draw` shows what repeats in a host's last poll; of one that failed, what is known from before and since when. */
export function tables(name) {
  const element = h('section', { class: 'card' });
  const questions = latest();
  const full = filling(name);
  /** The last poll that brought values, once it was asked for: what a host that fails was like. */
  let good = null;

  async function lastGood(at) {
    if (good?.slot_ms === at) return good;
    const asked = { from: at, to: at + 1, limit: 1, fields: 'slot_ms,detail' };
    const kept = await get(`${hostPath(name)}/polls`, asked).catch(() => null);
    return kept?.polls[0]?.detail ? kept.polls[0] : null;
  }

  async function draw(host) {
    const isWanted = questions.ask();
    const isKnown = host.last?.detail || !host.last_good_at_ms;
    const shown = isKnown ? host.last : await lastGood(host.last_good_at_ms);
    if (!isWanted()) return;
    if (!shown?.detail) {
      renew(element, h('p', { class: 'none' }, without(host)));
      return;
    }
    good = shown;
    renew(element, shown === host.last ? null : since(shown), repeated(shown.detail, full.words));
    if (shown === host.last) full.learn(shown);
  }
  return {
    element,
    draw,
    leave: () => {
      questions.end();
      full.leave();
    },
  };
}
