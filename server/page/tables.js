// What repeats in a host's last poll: cores, filesystems, interfaces, disks, soft interrupts, processes,
// containers.

import { h, renew, titles } from './dom.js';
import { bytes, count, moment, number, percent, rate, UNKNOWN } from './format.js';
import { get, hostPath } from './api.js';
import { withU } from './figures.js';
import { filling } from './filling.js';
import { gaps } from './gaps.js';
import { t, term, tn } from './i18n.js';
import { latest } from './latest.js';
import { rowGraphs } from './rowgraphs.js';
import { strip } from './strip.js';

/** Processes that are shown, and soft interrupts that are told. */
const SEEN = 8;
const IRQS = ['net_rx', 'net_tx', 'timer', 'sched', 'rcu', 'block', 'tasklet', 'hrtimer', 'hi'];
/** Shares from which a bar is marked, and marked as too much. */
const [HIGH, TOO_HIGH] = [80, 90];
/** Below this a container is idle, % of a core. */
const QUIET_PCT = 0.05;
/** Steps of the colours of cores. */
const HEATS = 5;

const NARROW = matchMedia('(max-width: 640px)');
const isKnown = (value) => value !== null && value !== undefined;
const ms = (value) => (isKnown(value) ? `${number(value, 1)} ms` : UNKNOWN);
const perSecond = (value) => (isKnown(value) ? `${count(value)} /s` : UNKNOWN);
const sum = (a, b) => (!isKnown(a) && !isKnown(b) ? null : (a ?? 0) + (b ?? 0));
const quiet = (words) => h('span', { class: 'm' }, words);
/** The name of a row, which opens its graph. */
const named = (table, row, name, more) => {
  const props = {
    type: 'button',
    class: 'plain name',
    'data-table': table,
    'data-row': row,
    'data-title': name,
  };
  return [
    h('button', { ...props, title: t('Graph of {name}', { name }) }, name),
    more ? ' ' : null,
    more ? quiet(more) : null,
  ];
};

/** A share with its bar; where nothing is known there is no bar, rather than an empty one. */
function meter(value) {
  if (!isKnown(value)) return UNKNOWN;
  const fill = h('i', {});
  fill.style.width = `${Math.min(100, value).toFixed(0)}%`;
  const level = value >= TOO_HIGH ? 'hot' : value >= HIGH ? 'warn' : '';
  return h(
    'span',
    { class: `meter ${level}` },
    h('span', { class: 'val' }, ...withU(percent(value))),
    h('span', { class: 'bar' }, fill),
  );
}

/** A card of a table; `folded` rows are shown when it `isOpen`, and `more` and `less` are the words that do that. */
function card(title, columns, rows, { folded = [], more = '', less = '', isOpen = false, note = null } = {}) {
  const names = Object.keys(columns);
  const cell = (row) => (name) => {
    const content = columns[name](row);
    const isNumber = name.startsWith('#');
    return h(
      'td',
      { class: isNumber ? 'num' : '' },
      typeof content === 'string' && isNumber ? withU(content) : content,
    );
  };
  const line = (row) => h('tr', {}, names.map(cell(row)));
  const shown = isOpen ? [...rows, ...folded] : rows;
  const fold = { type: 'button', class: 'plain', 'data-fold': title, 'aria-expanded': String(isOpen) };
  const head = h(
    'header',
    {},
    h('h2', {}, title),
    h('span', { class: 'badge' }, rows.length + folded.length),
    h('span', { class: 'sp' }),
    note,
    folded.length ? h('button', fold, isOpen ? less : more) : null,
  );
  const table = h('table', {}, titles(names), h('tbody', {}, shown.map(line)));
  const props = { class: 'wide', tabIndex: 0, role: 'region', 'aria-label': title };
  if (shown.length === 0 && folded.length > 0) return h('section', { class: 'card' }, head);
  const body = shown.length ? h('div', props, table) : h('p', { class: 'none' }, t('None'));
  return h('section', { class: 'card' }, head, body);
}

/** A core: how busy it is, and the way to its graph. */
function core(row) {
  const kinds = { user: t('user'), system: t('system'), iowait: t('iowait'), steal: t('steal') };
  const shares = Object.entries(kinds).map(([kind, words]) => `${words} ${percent(row[`${kind}_pct`])}`);
  const busy = row.busy_pct;
  const heat = isKnown(busy) ? `h${Math.min(HEATS - 1, Math.floor((busy * HEATS) / 100))}` : 'unknown';
  const of = { 'data-table': 'core', 'data-row': row.core, 'data-title': t('Core {n}', { n: row.core }) };
  const props = {
    type: 'button',
    class: `plain ${heat}`,
    title: `${t('core {n}', { n: row.core })}${t(': ')}${shares.join(t(', '))}`,
  };
  return h('button', { ...props, ...of }, isKnown(busy) ? busy.toFixed(0) : UNKNOWN);
}

/** The head of the cores' card: how many there are, and what their colours mean. */
function coresHead(rows) {
  const heats = Array.from({ length: HEATS }, (_, step) => h('i', { class: `sw h${step}` }));
  const key = h('span', { class: 'key' }, '0 %', heats, '100 %');
  return [
    h('h2', {}, t('Cores')),
    h('span', { class: 'badge' }, rows.length),
    h('span', { class: 'sp' }),
    key,
  ];
}

const NET = {
  [t('Name')]: (row) => named('net', row.interface, row.interface),
  [`#${t('In|network')}`]: (row) => rate(row.rx_bytes_per_s),
  [`#${t('Out|network')}`]: (row) => rate(row.tx_bytes_per_s),
  [`#${t('Packets')}`]: (row) => perSecond(sum(row.rx_packets_per_s, row.tx_packets_per_s)),
  [`#${t('Errors')}`]: (row) => perSecond(sum(row.rx_errors_per_s, row.tx_errors_per_s)),
  [`#${t('Drops')}`]: (row) => perSecond(sum(row.rx_dropped_per_s, row.tx_dropped_per_s)),
};
const DISK = {
  [t('Device')]: (row) => named('disk', row.device, row.device),
  [`#${t('Read')}`]: (row) => rate(row.read_bytes_per_s),
  [`#${t('Written')}`]: (row) => rate(row.written_bytes_per_s),
  [`#${t('Requests')}`]: (row) => perSecond(sum(row.reads_per_s, row.writes_per_s)),
  [`#${t('Read takes')}`]: (row) => ms(row.read_await_ms),
  [`#${t('Write takes')}`]: (row) => ms(row.write_await_ms),
  [t('Busy')]: (row) => meter(row.busy_pct),
};
/** What is wrong with a filesystem, if anything is. */
function stands(row) {
  const wrong = [
    row.status === 'ok' ? null : term('status', row.status),
    row.read_only ? t('read-only') : null,
  ].filter(Boolean);
  return wrong.length ? h('span', { class: 'st degraded' }, wrong.join(t(', '))) : null;
}
/** `full` says when each mount is full. */
const filesystems = (full) => ({
  [t('Mount')]: (row) => [
    ...named('filesystem', row.mount_point, row.mount_point, row.fs_type),
    stands(row) ? ' ' : null,
    stands(row),
  ],
  [t('Used')]: (row) => meter(row.used_pct),
  [`#${t('Available')}`]: (row) =>
    isKnown(row.available_bytes)
      ? t('{n} of {all}', { n: bytes(row.available_bytes), all: bytes(row.size_bytes) })
      : UNKNOWN,
  [t('Forecast')]: (row) => forecast(full(row.mount_point)),
  [`#${t('Inodes')}`]: (row) => percent(row.inodes_used_pct),
});
const forecast = (words) => (/^\d/.test(words) ? t('full in {time}', { time: words }) : quiet(words));
const SOFTIRQ = {
  [t('Core')]: (row) => String(row.core),
  ...Object.fromEntries(IRQS.map((kind) => [`#${kind.toUpperCase()}`, (row) => count(row[`${kind}_per_s`])])),
};
const PROCESS = {
  [t('Name')]: (row) => named('process', `${row.pid}/${row.comm}`, row.comm),
  '#Pid': (row) => quiet(row.pid),
  '#CPU': (row) => percent(row.cpu_pct),
  [`#${t('Memory')}`]: (row) => bytes(row.rss_bytes),
};

/** Containers that have no row of their own, as the server calls them. */
const OTHERS = '(other)';
/** The name of a container's row; of several of one name how many they are. */
function containerName(row) {
  if (row.name === OTHERS) return quiet(tn(row.containers, '{n} other', '{n} others'));
  const more = row.containers > 1 ? `× ${row.containers}` : row.image === row.name ? '' : row.image;
  return named('container', row.name, row.name, more);
}
const CONTAINER = {
  [t('Name')]: containerName,
  '#CPU': (row) => percent(row.cpu_pct),
  [`#${t('Memory')}`]: (row) => bytes(row.working_set_bytes ?? row.memory_bytes),
  [t('Of its limit')]: (row) => meter(row.memory_used_pct),
  [`#${t('Read')}`]: (row) => rate(row.read_bytes_per_s),
  [`#${t('Written')}`]: (row) => rate(row.written_bytes_per_s),
  [`#${t('Tasks')}`]: (row) => count(row.pids),
};

const none = (...values) => values.every((value) => !value);
/** What a host says to itself is no traffic of its network: the loopback is folded whatever it does. */
const isLoopback = (row) => row.interface === 'lo';
const isQuietNet = (row) =>
  isLoopback(row) || none(row.rx_bytes_per_s, row.tx_bytes_per_s, row.rx_errors_per_s, row.tx_errors_per_s);
const isQuietDisk = (row) => none(row.reads_per_s, row.writes_per_s, row.busy_pct, row.in_flight);
const isQuietContainer = (row) => isKnown(row.cpu_pct) && row.cpu_pct < QUIET_PCT;
/** The busiest first, the others that have no row of their own last. */
const byCpu = (rows) =>
  rows.toSorted((a, b) => (a.name === OTHERS) - (b.name === OTHERS) || (b.cpu_pct ?? 0) - (a.cpu_pct ?? 0));
/** Those that do something, and those that do not. */
function parted(rows, isQuiet) {
  return { busy: rows.filter((row) => !isQuiet(row)), idle: rows.filter(isQuiet) };
}

/** The cards of a poll; `opened` has the titles of tables whose folded rows are shown. */
function repeated(detail, full, opened) {
  const folding = (title, rows, isQuiet, columns) => {
    const isOpen = opened.has(title);
    // A phone has room for what is asked for.
    if (NARROW.matches) {
      const more = tn(rows.length, '{n} row', '{n} rows');
      return card(title, columns, [], { folded: rows, more, less: t('Hide rows'), isOpen });
    }
    const { busy, idle } = parted(rows, isQuiet);
    const n = idle.length;
    const more = idle.some(isLoopback) ? t('{n} idle or loopback', { n }) : t('{n} idle', { n });
    return card(title, columns, busy, { folded: idle, more, less: t('Hide idle'), isOpen });
  };
  const perCore = t('Soft interrupts per second');
  const irqs = card(perCore, SOFTIRQ, [], {
    folded: detail.softirq,
    more: tn(detail.softirq.length, '{n} core', '{n} cores'),
    less: t('Hide cores'),
    isOpen: opened.has(perCore),
  });
  const net = detail.net.toSorted((a, b) => isLoopback(a) - isLoopback(b));
  return [
    card(t('Filesystems'), filesystems(full), detail.filesystem),
    folding(t('Interfaces'), net, isQuietNet, NET),
    folding(t('Disks'), detail.disk, isQuietDisk, DISK),
    detail.container?.length
      ? folding(t('Containers'), byCpu(detail.container), isQuietContainer, CONTAINER)
      : null,
    detail.softirq.length ? irqs : null,
  ];
}

/** The card of processes, those first that use most of what `by` says. */
function processes(rows, by) {
  const sorted = [...rows].sort((a, b) => (b[by] ?? 0) - (a[by] ?? 0)).slice(0, SEEN);
  const choice = (key, words) =>
    h('button', { type: 'button', 'data-by': key, 'aria-pressed': String(by === key) }, words);
  const note = h(
    'div',
    { class: 'seg sm', role: 'group', 'aria-label': t('Order') },
    choice('cpu_pct', 'CPU'),
    choice('rss_bytes', t('Memory')),
  );
  return card(t('Processes'), PROCESS, sorted, { note });
}

/** Why there are no tables. */
const without = (host) =>
  host.last
    ? t('No poll that brought values is kept: cores, disks and filesystems are not known.')
    : t('It was not polled yet.');

const since = (poll) =>
  h(
    'p',
    { class: 'hint' },
    t('As of {time}: polls since then brought no values.', { time: moment(poll.slot_ms) }),
  );

/** What repeats; `draw` shows it of a host's last poll, or of one before that failed, and since when. */
class Tables {
  element = h('div', { class: 'stack tables' });
  processes = h('div', {});
  #note = h('div', { class: 'note' });
  #head = h('header', {});
  #cells = h('div', { class: 'cores' });
  #cores = h('section', { class: 'card', hidden: true }, this.#head);
  #half = h('div', { class: 'half' });
  #name;
  #questions = latest();
  #filling;
  #strip;
  #graphs;
  /** The last poll that brought values, once it was asked for: what a host that fails was like. */
  #good = null;
  #shown = null;
  #opened = new Set();
  #by = 'cpu_pct';

  constructor(name, deeds) {
    this.#name = name;
    this.#filling = filling(name);
    this.#strip = strip(name);
    this.#graphs = rowGraphs(name, { ...deeds, why: gaps(name) });
    this.#cores.append(this.#strip.element, h('div', { class: 'pad' }, this.#cells));
    this.element.append(this.#note, this.#cores, this.#half, this.#graphs.element);
    for (const place of [this.element, this.processes]) {
      place.addEventListener('click', ({ target }) => {
        const of = target.closest('[data-row]')?.dataset;
        if (of) this.#graphs.toggle(of.table, of.row, of.title);
      });
    }
    this.element.addEventListener('click', ({ target }) => {
      const title = target.closest('[data-fold]')?.dataset.fold;
      if (!title) return;
      if (!this.#opened.delete(title)) this.#opened.add(title);
      this.#put();
    });
    this.processes.addEventListener('click', ({ target }) => {
      this.#by = target.closest('[data-by]')?.dataset.by ?? this.#by;
      this.#put();
    });
  }

  /** Shows the graph of a row. */
  open(table, row) {
    this.#graphs.open(table, row, row);
  }

  /** When a mount is full, in words. */
  full(mount) {
    return this.#filling.words(mount);
  }

  async #lastGood(at) {
    if (this.#good?.slot_ms === at) return this.#good;
    const asked = { from: at, to: at + 1, limit: 1, fields: 'slot_ms,detail' };
    const kept = await get(`${hostPath(this.#name)}/polls`, asked).catch(() => null);
    return kept?.polls[0]?.detail ? kept.polls[0] : null;
  }

  #put() {
    const { poll, isOld } = this.#shown;
    const full = (mount) => this.full(mount);
    renew(this.#note, isOld ? since(poll) : null);
    renew(this.#head, ...coresHead(poll.detail.core));
    renew(this.#cells, ...poll.detail.core.map(core));
    this.#cores.hidden = poll.detail.core.length === 0;
    renew(this.#half, ...repeated(poll.detail, full, this.#opened));
    renew(this.processes, poll.detail.process.length ? processes(poll.detail.process, this.#by) : null);
  }

  async draw(host) {
    const isWanted = this.#questions.ask();
    const isLast = host.last?.detail || !host.last_good_at_ms;
    const poll = isLast ? host.last : await this.#lastGood(host.last_good_at_ms);
    if (!isWanted()) return;
    if (!poll?.detail) {
      renew(this.#note, h('p', { class: 'card none' }, without(host)));
      return;
    }
    this.#good = poll;
    this.#shown = { poll, isOld: poll !== host.last };
    this.#put();
    if (!this.#shown.isOld) this.#filling.learn(poll);
  }

  /** Draws what there is of rows over a span. */
  load(span) {
    this.#strip.load(span);
    this.#graphs.load(span);
  }

  themed() {
    this.#strip.themed();
    this.#graphs.themed();
  }

  leave() {
    this.#questions.end();
    for (const part of [this.#filling, this.#strip, this.#graphs]) part.leave();
  }
}

export const tables = (name, deeds) => new Tables(name, deeds);
