// What repeats in a host's last poll: cores, interfaces, disks, filesystems, soft interrupts, processes.

import { h, fill, colour } from './dom.js';
import { bytes, count, moment, number, percent, rate, UNKNOWN } from './format.js';
import { get, hostPath } from './api.js';

const DAY = 864e5;
/** Rows of a table that are seen without scrolling. */
const SEEN = 10;
const IRQS = ['net_rx', 'net_tx', 'timer', 'sched', 'rcu', 'block', 'tasklet', 'hrtimer', 'hi'];

const ms = (value) => (value === null ? UNKNOWN : `${number(value, 1)} ms`);
const sum = (a, b) => (a === null && b === null ? null : (a ?? 0) + (b ?? 0));

/** A table; names of columns that begin with # are of numbers. */
function listing(title, names, rows, cells) {
  const numeric = names.map((name) => name.startsWith('#'));
  const kind = (position) => (numeric[position] ? 'num' : '');
  const head = h(
    'tr',
    {},
    names.map((name, position) => h('th', { scope: 'col', class: kind(position) }, name.replace('#', ''))),
  );
  const body = h(
    'tbody',
    {},
    rows.map((row) =>
      h(
        'tr',
        {},
        cells(row).map((cell, position) => h('td', { class: kind(position) }, cell)),
      ),
    ),
  );
  const many = rows.length > SEEN;
  return h(
    'section',
    { class: 'part' },
    h('h2', {}, title),
    rows.length === 0
      ? h('p', { class: 'none' }, 'None.')
      : h(
          'div',
          {
            class: many ? 'scroll short' : 'wide',
            tabIndex: 0,
            role: 'region',
            'aria-label': title,
            'data-keep': title,
          },
          h('table', {}, h('thead', {}, head), body),
        ),
  );
}

function cores(rows) {
  return h(
    'section',
    { class: 'part' },
    h('h2', {}, `Cores (${rows.length})`),
    h(
      'div',
      { class: 'cores' },
      rows.map((core) => {
        const words = `core ${core.core}: user ${percent(core.user_pct)}, system ${percent(core.system_pct)}, iowait ${percent(core.iowait_pct)}, steal ${percent(core.steal_pct)}`;
        const cell = h('span', { title: words }, core.busy_pct === null ? UNKNOWN : core.busy_pct.toFixed(0));
        const ink = core.busy_pct >= 90 ? 'hot' : core.busy_pct >= 75 ? 'warm' : 'bar';
        if (core.busy_pct !== null)
          cell.style.background = `color-mix(in srgb, ${colour(ink)} ${Math.min(100, core.busy_pct).toFixed(0)}%, transparent)`;
        return cell;
      }),
    ),
  );
}

/** `draw` shows what repeats in a host's last poll; the place keeps what was scrolled. */
export function tables(name) {
  const element = h('section', { class: 'card' });
  /** When each mount is full, in words. */
  let full = new Map();
  let learnt = 0;

  /** The last poll that brought values, once it was asked for: what a host that fails was like. */
  let good = null;
  async function lastGood(at) {
    if (good?.slot_ms === at) return good;
    const kept = await get(`${hostPath(name)}/polls`, {
      from: at,
      to: at + 1,
      limit: 1,
      fields: 'slot_ms,detail',
    }).catch(() => null);
    good = kept?.polls[0]?.detail ? kept.polls[0] : null;
    return good;
  }

  /** Shows a host's last poll; of one that failed, what is known from before and since when. */
  async function draw(host) {
    let shown = host.last;
    if (!shown?.detail && host.last_good_at_ms) shown = await lastGood(host.last_good_at_ms);
    if (shown?.detail) good = shown;
    const detail = shown?.detail ?? null;
    if (!detail) {
      fill(
        element,
        h(
          'p',
          { class: 'none' },
          host.last
            ? 'No poll that brought values is kept: cores, disks and filesystems are not known.'
            : 'It was not polled yet.',
        ),
      );
      return;
    }
    const kept = new Map(
      [...element.querySelectorAll('[data-keep]')].map((node) => [
        node.dataset.keep,
        [node.scrollTop, node.scrollLeft, node === document.activeElement],
      ]),
    );
    fill(
      element,
      shown === host.last
        ? null
        : h('p', { class: 'hint' }, `As of ${moment(shown.slot_ms)}: polls since then brought no values.`),
      cores(detail.core),
      listing(
        'Interfaces',
        ['Interface', '#In', '#Out', '#Packets in', '#Packets out', '#Errors', '#Dropped'],
        detail.net,
        (row) => [
          row.interface,
          rate(row.rx_bytes_per_s),
          rate(row.tx_bytes_per_s),
          count(row.rx_packets_per_s),
          count(row.tx_packets_per_s),
          count(sum(row.rx_errors_per_s, row.tx_errors_per_s)),
          count(sum(row.rx_dropped_per_s, row.tx_dropped_per_s)),
        ],
      ),
      listing(
        'Disks',
        [
          'Device',
          '#Read',
          '#Written',
          '#Reads a second',
          '#Writes a second',
          '#Read takes',
          '#Write takes',
          '#Busy',
        ],
        detail.disk,
        (row) => [
          row.device,
          rate(row.read_bytes_per_s),
          rate(row.written_bytes_per_s),
          count(row.reads_per_s),
          count(row.writes_per_s),
          ms(row.read_await_ms),
          ms(row.write_await_ms),
          percent(row.busy_pct),
        ],
      ),
      listing(
        'Filesystems',
        ['Mount', 'Device', 'Type', '#Size', '#Available', '#Used', '#Inodes', '#Full in about', 'State'],
        detail.filesystem,
        (row) => [
          row.mount_point,
          row.device,
          row.fs_type,
          bytes(row.size_bytes),
          bytes(row.available_bytes),
          percent(row.used_pct),
          percent(row.inodes_used_pct),
          full.get(row.mount_point) ?? UNKNOWN,
          row.read_only ? `${row.status}, read-only` : row.status,
        ],
      ),
      listing(
        'Soft interrupts a second',
        ['Core', ...IRQS.map((kind) => `#${kind.toUpperCase()}`)],
        detail.softirq,
        (row) => [row.core, ...IRQS.map((kind) => count(row[`${kind}_per_s`]))],
      ),
      detail.process.length
        ? listing(
            'Processes',
            ['Pid', 'Name', 'State', '#CPU', '#Memory', '#Threads'],
            detail.process,
            (row) => [
              row.pid,
              row.comm,
              row.state,
              percent(row.cpu_pct),
              bytes(row.rss_bytes),
              count(row.threads),
            ],
          )
        : null,
    );
    for (const node of element.querySelectorAll('[data-keep]')) {
      const [down, right, focused] = kept.get(node.dataset.keep) ?? [0, 0, false];
      node.scrollTo(right, down);
      if (focused) node.focus({ preventScroll: true });
    }
  }

  /** Learns when each filesystem is full, by what up to a day has taken of it; at most once a minute. */
  async function learn(poll) {
    if (!poll?.detail || poll.slot_ms - learnt < 60_000) return;
    learnt = poll.slot_ms;
    const earlier = await get(`${hostPath(name)}/polls`, {
      from: poll.slot_ms - DAY,
      to: poll.slot_ms,
      limit: 20,
      order: 'asc',
      fields: 'slot_ms,detail.filesystem.mount_point,detail.filesystem.available_bytes',
    }).catch(() => null);
    const then = earlier?.polls.find((one) => one.detail);
    const span = then ? poll.slot_ms - then.slot_ms : 0;
    if (span < DAY / 24) return;
    full = new Map(
      poll.detail.filesystem.map((mount) => {
        const before =
          then.detail.filesystem.find((row) => row.mount_point === mount.mount_point)?.available_bytes ??
          null;
        if (before === null || mount.available_bytes === null) return [mount.mount_point, UNKNOWN];
        const days = (mount.available_bytes * span) / ((before - mount.available_bytes) * DAY);
        return [
          mount.mount_point,
          days > 0 && days < 3650 ? `${days.toFixed(days < 10 ? 1 : 0)} d` : 'not soon',
        ];
      }),
    );
  }
  return { element, draw, learn };
}
