// The fleet as it is now: fetched whole, then kept up to date by the server's events.

import { get } from './api.js';
import { NATURAL } from './format.js';
import { at } from './place.js';

/** Polls of a host whose CPU is kept for its little chart. */
const TRAIL = 60;
/** How long to wait before asking again when the server refused the stream, ms. */
const RETRY = 5000;
/**
 * The server says something every three seconds. When it is silent for so long, ms, that is told; and for as long as
 * the second, nobody is at the other end.
 */
const LATE = 4500;
const SILENCE = 7000;
/**
 * The server ends each stream after a while, and the browser takes it up again within some seconds: only a longer
 * time, ms, is no connection.
 */
const TAKEN_UP = 2500;

export class Live extends EventTarget {
  /** By name, in the order of names: what is drawn each second does not sort thousands of them each time. */
  hosts = new Map();
  counts = {};
  server = {};
  at = 0;
  connected = false;
  /** The stream has ended, and the browser is taking it up again. */
  again = false;
  /** What is shown stands still: its reader wants it so. */
  isHeld = false;
  /** Changes of state, and polls, that were seen. */
  moves = 0;
  polls = 0;
  #blank = {};

  /** Begins, unless it has. */
  start() {
    if (this.source) return;
    addEventListener('pagehide', () => this.#close());
    // Back from the browser's memory of pages: the stream that was is closed.
    addEventListener('pageshow', (event) => {
      if (event.persisted) this.#open();
    });
    this.#open();
  }

  /** Which hosts have alarms that fire, in a form that is another one when that changes. */
  alarms() {
    const all = [...this.hosts.values()].filter((host) => host.alarms_firing);
    return all.map((host) => `${host.name} ${host.alarms_firing} ${host.alarm_severity}`).join('\n');
  }

  #close() {
    clearTimeout(this.silent);
    clearTimeout(this.late);
    clearTimeout(this.retry);
    this.source?.close();
  }

  #open() {
    this.#close();
    const source = new EventSource(at('api/v1/stream'));
    this.source = source;
    const heard = () => {
      clearTimeout(this.silent);
      clearTimeout(this.late);
      if (this.again && !this.gone) this.#connection(true);
      this.late = setTimeout(() => this.#uncertain(), LATE);
      this.silent = setTimeout(() => {
        this.#connection(false);
        this.#open();
      }, SILENCE);
    };
    const on = (name, take) =>
      source.addEventListener(name, (event) => {
        heard();
        take(JSON.parse(event.data));
      });
    on('fleet', (fleet) => this.#whole(fleet));
    on('change', (change) => this.#change(change));
    on('beat', ({ at_ms: now }) => {
      this.at = now;
      this.#tell();
    });
    heard();
    source.onopen = () => {
      heard();
      this.#connection(true);
    };
    source.onerror = () => {
      // A stream that ends is taken up again by the browser; one that is refused is not.
      if (source.readyState === EventSource.CLOSED) {
        this.#close();
        this.#connection(false);
        // Refused, and not told why: an answer in full says whether that is for want of a session.
        get('api/v1/session').catch(() => {});
        this.retry = setTimeout(() => this.#open(), RETRY);
      } else {
        // Each attempt ends here: the first one that fails counts.
        this.gone ??= setTimeout(() => this.#connection(false), TAKEN_UP);
        this.#uncertain();
      }
    };
  }

  /** Stops what is shown as it is, or goes on; what comes in meanwhile is kept. */
  hold(isHeld) {
    this.isHeld = isHeld;
    this.dispatchEvent(new Event('connection'));
    this.#tell();
  }

  #tell() {
    if (!this.isHeld) this.dispatchEvent(new Event('change'));
  }

  #uncertain() {
    this.again = true;
    this.dispatchEvent(new Event('connection'));
  }

  #connection(connected) {
    clearTimeout(this.gone);
    this.gone = undefined;
    this.again = false;
    this.connected = connected;
    this.dispatchEvent(new Event('connection'));
  }

  #whole(fleet) {
    this.columns = fleet.columns.map((column) => (column === 'cpu_trail' ? 'trail' : column));
    this.#blank = Object.fromEntries(this.columns.map((column) => [column, null]));
    const before = this.hosts;
    this.hosts = new Map();
    for (const row of fleet.hosts) this.#put(row, before);
    this.#order();
    this.#common(fleet);
  }

  #order() {
    this.hosts = new Map([...this.hosts].sort(([a], [b]) => NATURAL.compare(a, b)));
  }

  #change(change) {
    const { size } = this.hosts;
    for (const row of change.hosts) this.#put(row, this.hosts);
    if (this.hosts.size > size) this.#order();
    for (const name of change.gone) this.hosts.delete(name);
    this.#common(change);
  }

  #common({ counts, server, at_ms: now }) {
    Object.assign(this, { counts, server, at: now, connected: true });
    this.#tell();
  }

  #put(row, before) {
    // Made whole: thousands that grow by one column after the other leave all their smaller forms behind.
    const host = { ...this.#blank };
    this.columns.forEach((column, position) => {
      host[column] = row[position];
    });
    const known = before.get(host.name);
    // The server remembers a few polls; a page that stays open remembers more. A failed poll is a gap.
    host.trail = known?.trail ?? host.trail ?? [];
    if (known && host.slot_ms !== known.slot_ms) {
      this.polls += 1;
      host.trail.push(host.slot_ms === host.good_slot_ms ? host.cpu_busy_pct : null);
      if (host.trail.length > TRAIL) host.trail.shift();
    }
    if (known && known.state !== host.state) this.moves += 1;
    this.hosts.set(host.name, host);
  }
}

/** States, gravest first. */
export const STATES = ['down', 'suspect', 'degraded', 'pending', 'up', 'paused', 'retired'];

/** How much alarms matter, gravest first. */
export const SEVERITIES = ['critical', 'warning', 'info'];
