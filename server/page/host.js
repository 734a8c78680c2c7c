// One host: its state and why, charts, what repeats, the ledger.

import { h, fill, state, colour } from './dom.js';
import { bytes, count, length, micros, moment, number, percent, rate, UNKNOWN } from './format.js';
import { get, post, hostPath } from './api.js';
import { charts } from './charts.js';

const RANGES = { '15m': 9e5, '1h': 36e5, '6h': 216e5, '24h': 864e5, '7d': 6048e5, '30d': 2592e6 };
/** Rows of the ledger that are shown. */
const LEDGER = 100;
const DAY = 864e5;

export function host(live, name) {
  const asked = new URLSearchParams(location.search);
  let range = RANGES[asked.get('range')] ? asked.get('range') : '1h';
  let fixed = Number(asked.get('from')) && Number(asked.get('to')) ? [Number(asked.get('from')), Number(asked.get('to'))] : null;
  const parts = Object.fromEntries(['head', 'picker', 'cores', 'tables', 'events', 'ledger'].map((part) => [part, h('section', { class: 'card' })]));
  const drawn = charts(name, (from, to) => { fixed = [from, to]; address(true); loadCharts(); });
  const element = h('div', {}, parts.head, parts.picker, drawn.element, h('p', {}), parts.cores, parts.tables, parts.events, parts.ledger);
  let gone = false;
  let seen = null;
  let transitions = [];

  function address(push) {
    const said = new URLSearchParams(fixed ? { from: fixed[0], to: fixed[1] } : range === '1h' ? {} : { range });
    const to = `/hosts/${encodeURIComponent(name)}${said.size ? `?${said}` : ''}`;
    if (push) history.pushState(null, '', to);
    else history.replaceState(null, '', to);
  }

  function picker(note) {
    const step = note ? `${note.tier === 'hour' ? 'hourly means' : 'polls'}, ${length(note.step)} a point` : '';
    fill(parts.picker, h('div', { class: 'row' },
      h('div', { class: 'row', role: 'group', 'aria-label': 'Time range' }, Object.keys(RANGES).map((key) => h('button', { type: 'button', 'aria-pressed': String(!fixed && range === key), onclick: () => { range = key; fixed = null; address(true); loadCharts(); } }, key))),
      fixed ? h('span', {}, `${moment(fixed[0])} to ${moment(fixed[1])}`) : null,
      fixed ? h('button', { type: 'button', onclick: () => { const wide = fixed[1] - fixed[0]; fixed = [fixed[0] - wide / 2, fixed[1] + wide / 2].map(Math.round); address(true); loadCharts(); } }, 'Zoom out') : null,
      h('span', { class: 'soft', role: 'status' }, step)));
  }

  async function loadCharts() {
    picker(null);
    const [from, to] = fixed ?? [Date.now() - RANGES[range], Date.now()];
    const note = await drawn.load(from, to, bands(transitions, from, to));
    if (note && !gone) picker(note);
  }

  async function loadAll() {
    try {
      const [one, events] = await Promise.all([get(hostPath(name)), get(`${hostPath(name)}/events`, { limit: 200 }).catch((error) => ({ events: [], error }))]);
      if (gone) return;
      transitions = events.events;
      seen = one.last?.slot_ms ?? null;
      head(one);
      repeats(one);
      story(events);
      ledger();
      filling(one);
    } catch (error) {
      if (!gone) fill(parts.head, h('p', { class: 'none' }, error.message));
    }
  }

  function head(one) {
    const now = h('button', { type: 'button', onclick: async () => {
      now.disabled = true;
      now.textContent = 'Polling …';
      try { await post(`${hostPath(name)}/poll`); await loadAll(); } catch (error) { now.textContent = error.message; }
    } }, 'Poll now');
    const facts = { Machine: one.facts.os, Kernel: one.facts.kernel, CPUs: one.facts.cpus, Architecture: one.facts.architecture, Hostname: one.facts.hostname, Probe: one.facts.probe_version,
      Addresses: one.addresses.join(', '), Schedule: one.schedule, Group: one.group, Labels: Object.entries(one.labels).map(([key, value]) => `${key}=${value}`).join(', '),
      'Last answer': one.last_good_at_ms ? moment(one.last_good_at_ms) : null, 'Answered in': micros(one.last?.call_us ?? null) };
    fill(parts.head,
      h('div', { class: 'row' }, h('h1', { class: 'grow' }, name), h('span', { class: 'badge' }, state(one.state)), h('span', { class: 'soft' }, one.since_ms ? `since ${moment(one.since_ms)}` : ''), now),
      h('p', {}, one.reason),
      one.last?.error ? h('p', { class: 'soft' }, `Last poll: ${one.last.outcome}: ${one.last.error}`) : null,
      h('dl', { class: 'facts' }, Object.entries(facts).filter(([, value]) => value !== null && value !== undefined && value !== '').map(([key, value]) => h('div', {}, h('dt', {}, key), h('dd', {}, value)))));
  }

  function repeats(one) {
    const detail = one.last?.detail ?? null;
    if (!detail) {
      fill(parts.cores, h('h2', {}, 'Cores'), h('p', { class: 'none' }, 'The last poll brought no values.'));
      fill(parts.tables);
      parts.tables.hidden = true;
      return;
    }
    parts.tables.hidden = false;
    fill(parts.cores, h('h2', {}, `Cores (${detail.core.length})`), h('div', { class: 'cores' }, detail.core.map((core) => {
      const cell = h('span', { title: `core ${core.core}: user ${percent(core.user_pct)}, system ${percent(core.system_pct)}, iowait ${percent(core.iowait_pct)}, steal ${percent(core.steal_pct)}` }, core.busy_pct === null ? UNKNOWN : core.busy_pct.toFixed(0));
      if (core.busy_pct !== null) cell.style.background = `color-mix(in srgb, ${colour('bar')} ${Math.min(100, core.busy_pct).toFixed(0)}%, transparent)`;
      return cell;
    })));
    fill(parts.tables,
      listing('Interfaces', ['Interface', 'In', 'Out', 'Packets in', 'Packets out', 'Errors', 'Dropped'], detail.net, (row) => [row.interface, rate(row.rx_bytes_per_s), rate(row.tx_bytes_per_s), count(row.rx_packets_per_s), count(row.tx_packets_per_s), count(sum(row.rx_errors_per_s, row.tx_errors_per_s)), count(sum(row.rx_dropped_per_s, row.tx_dropped_per_s))]),
      listing('Disks', ['Device', 'Read', 'Written', 'Reads a second', 'Writes a second', 'Read takes', 'Write takes', 'Busy'], detail.disk, (row) => [row.device, rate(row.read_bytes_per_s), rate(row.written_bytes_per_s), count(row.reads_per_s), count(row.writes_per_s), ms(row.read_await_ms), ms(row.write_await_ms), percent(row.busy_pct)]),
      listing('Filesystems', ['Mount', 'Device', 'Type', 'Size', 'Available', 'Used', 'Inodes', 'Full in about', 'State'], detail.filesystem, (row) => [row.mount_point, row.device, row.fs_type, bytes(row.size_bytes), bytes(row.available_bytes), percent(row.used_pct), percent(row.inodes_used_pct), h('span', { 'data-mount': row.mount_point }, UNKNOWN), row.read_only ? `${row.status}, read-only` : row.status]),
      listing('Soft interrupts a second', ['Core', 'NET_RX', 'NET_TX', 'TIMER', 'SCHED', 'RCU', 'BLOCK', 'TASKLET', 'HRTIMER', 'HI'], detail.softirq, (row) => [row.core, ...['net_rx', 'net_tx', 'timer', 'sched', 'rcu', 'block', 'tasklet', 'hrtimer', 'hi'].map((kind) => count(row[`${kind}_per_s`]))]),
      detail.process.length ? listing('Processes', ['Pid', 'Name', 'State', 'CPU', 'Memory', 'Threads'], detail.process, (row) => [row.pid, row.comm, row.state, percent(row.cpu_pct), bytes(row.rss_bytes), count(row.threads)]) : null);
  }

  /** When each filesystem is full, by what a day has taken of it. */
  async function filling(one) {
    const now = one.last?.slot_ms;
    const here = one.last?.detail?.filesystem;
    if (!now || !here) return;
    const earlier = await get(`${hostPath(name)}/polls`, { from: now - DAY, to: now, limit: 1, order: 'asc' }).catch(() => null);
    const then = earlier?.polls[0];
    if (gone || !then?.detail || now - then.slot_ms < DAY / 24) return;
    for (const mount of here) {
      const before = then.detail.filesystem.find((row) => row.mount_point === mount.mount_point);
      const place = [...parts.tables.querySelectorAll('[data-mount]')].find((node) => node.dataset.mount === mount.mount_point);
      if (!before || !place || before.available_bytes === null || mount.available_bytes === null) continue;
      const perDay = ((before.available_bytes - mount.available_bytes) / (now - then.slot_ms)) * DAY;
      const days = mount.available_bytes / perDay;
      place.textContent = perDay > 0 && days < 3650 ? `${days < 10 ? days.toFixed(1) : days.toFixed(0)} d` : 'not soon';
    }
  }

  function story({ events, error }) {
    fill(parts.events, h('h2', {}, 'Changes of state'), error ? h('p', { class: 'none' }, error.message) : events.length === 0 ? h('p', { class: 'none' }, 'None is kept.')
      : h('div', { class: 'wide' }, h('table', {}, h('thead', {}, h('tr', {}, ['When', 'From', 'To', 'Why'].map((word) => h('th', { scope: 'col' }, word)))),
        h('tbody', {}, events.slice(0, 50).map((event) => h('tr', {}, h('td', {}, moment(event.at_ms)), h('td', {}, state(event.from)), h('td', {}, state(event.to)), h('td', { class: 'words' }, event.reason)))))));
  }

  async function ledger() {
    try {
      const page = await get(`${hostPath(name)}/polls`, { from: '-24h', limit: LEDGER, order: 'desc', detail: 'false' });
      if (gone) return;
      fill(parts.ledger, h('h2', {}, `The last ${page.polls.length} attempts`), h('div', { class: 'scroll', tabIndex: 0, role: 'region', 'aria-label': 'Attempts' }, h('table', {},
        h('thead', {}, h('tr', {}, ['Due', 'Outcome', 'Late', 'Queued', 'Resolved', 'Connected', 'Called', 'Answer', 'Address', 'Error'].map((word) => h('th', { scope: 'col' }, word)))),
        h('tbody', {}, page.polls.map((poll) => h('tr', {}, [moment(poll.slot_ms), poll.outcome, micros(poll.late_us), micros(poll.queue_us), micros(poll.resolve_us), micros(poll.connect_us), micros(poll.call_us), bytes(poll.answer_bytes), poll.address ?? UNKNOWN].map((words) => h('td', {}, words)), h('td', { class: 'words' }, poll.error ?? '')))))));
    } catch (error) {
      if (!gone) fill(parts.ledger, h('h2', {}, 'Attempts'), h('p', { class: 'none' }, error.message));
    }
  }

  const changed = () => {
    const slot = live.hosts.get(name)?.slot_ms ?? null;
    if (slot !== null && slot !== seen) { seen = slot; loadAll(); if (!fixed && Date.now() - lastCharts > chartsEvery()) { lastCharts = Date.now(); loadCharts(); } }
  };
  let lastCharts = Date.now();
  // A wide span does not change by the second.
  const chartsEvery = () => Math.max(5000, RANGES[range] / 200);
  const themed = () => loadCharts();
  live.addEventListener('change', changed);
  addEventListener('roundsman:theme', themed);
  loadAll().then(() => !gone && loadCharts());
  return { element, leave: () => { gone = true; live.removeEventListener('change', changed); removeEventListener('roundsman:theme', themed); drawn.leave(); } };
}

const ms = (value) => (value === null ? UNKNOWN : `${number(value, 1)} ms`);
const sum = (a, b) => (a === null && b === null ? null : (a ?? 0) + (b ?? 0));

function listing(title, head, rows, cells) {
  return h('div', { class: 'wide' }, h('h2', {}, title), rows.length === 0 ? h('p', { class: 'none' }, 'None.') : h('table', {}, h('thead', {}, h('tr', {}, head.map((word) => h('th', { scope: 'col' }, word)))),
    h('tbody', {}, rows.map((row) => h('tr', {}, cells(row).map((cell, position) => h('td', { class: position === 0 || typeof cell !== 'string' || /^[a-z/]/i.test(cell) ? '' : 'num' }, cell)))))), h('p', {}));
}

/** The states over a span, from the changes of state, which come newest first. */
export function bands(transitions, from, to) {
  const found = [];
  let end = to;
  for (const { at_ms: at, to: after, from: before } of transitions) {
    if (at < end) found.push({ state: after, begin: at, end });
    end = Math.min(end, at);
    if (end <= from) break;
    if (transitions.at(-1).at_ms === at) found.push({ state: before, begin: from, end });
  }
  return found.filter((band) => band.end > from);
}
