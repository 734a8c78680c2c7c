// The fleet as it is now: fetched whole, then kept up to date by the server's events.

/** Polls of a host whose CPU is kept for its little chart. */
const TRAIL = 60;
/** How long to wait before asking again when the server refused the stream, ms. */
const RETRY = 5000;
/** The server ends each stream after a while, and the browser takes it up again within some seconds: only a longer time is no connection. */
const TAKEN_UP = 4000;

export class Live extends EventTarget {
  hosts = new Map();
  counts = {};
  server = {};
  at = 0;
  connected = false;
  /** The stream has ended, and the browser is taking it up again. */
  again = false;
  /** Changes of state that were seen. */
  moves = 0;

  start() {
    const source = new EventSource('/api/v1/stream');
    source.addEventListener('fleet', (event) => this.#whole(JSON.parse(event.data)));
    source.addEventListener('change', (event) => this.#change(JSON.parse(event.data)));
    source.onopen = () => {
      this.#connection(true);
    };
    source.onerror = () => {
      // A stream that ends is taken up again by the browser; one that is refused is not.
      if (source.readyState === EventSource.CLOSED) {
        this.#connection(false);
        setTimeout(() => this.start(), RETRY);
      } else {
        // Each attempt ends here: the first one that fails counts.
        this.gone ??= setTimeout(() => this.#connection(false), TAKEN_UP);
        this.again = true;
        this.dispatchEvent(new Event('connection'));
      }
    };
    addEventListener('pagehide', () => source.close(), { once: true });
    // Back from the browser's memory of pages: the stream that was is closed.
    addEventListener('pageshow', (event) => { if (event.persisted) this.start(); }, { once: true });
  }

  #connection(connected) {
    clearTimeout(this.gone);
    this.gone = undefined;
    this.again = false;
    this.connected = connected;
    this.dispatchEvent(new Event('connection'));
  }

  #whole(fleet) {
    this.columns = fleet.columns;
    const before = this.hosts;
    this.hosts = new Map();
    for (const row of fleet.hosts) this.#put(row, before);
    this.#common(fleet);
  }

  #change(change) {
    for (const row of change.hosts) this.#put(row, this.hosts);
    for (const name of change.gone) this.hosts.delete(name);
    this.#common(change);
  }

  #common({ counts, server, at_ms: at }) {
    Object.assign(this, { counts, server, at, connected: true });
    this.dispatchEvent(new Event('change'));
  }

  #put(row, before) {
    const host = {};
    this.columns.forEach((column, position) => { host[column] = row[position]; });
    const known = before.get(host.name);
    // The server remembers a few polls; a page that stays open remembers more. A failed poll is a gap.
    host.trail = known?.trail ?? host.cpu_trail ?? [];
    delete host.cpu_trail;
    if (known && host.slot_ms !== known.slot_ms) {
      host.trail.push(host.slot_ms === host.good_slot_ms ? host.cpu_busy_pct : null);
      if (host.trail.length > TRAIL) host.trail.shift();
    }
    if (known && known.state !== host.state) this.moves += 1;
    this.hosts.set(host.name, host);
  }
}

/** States, gravest first. */
export const STATES = ['down', 'suspect', 'degraded', 'pending', 'up', 'paused', 'retired'];
