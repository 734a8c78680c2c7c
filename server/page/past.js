// How the sums of the fleet went since the page was opened, for the charts of its tiles.

import { sums } from './sums.js';

/** Moments that are kept, and how far they are apart at least, ms. */
const KEPT = 120;
const APART = 2000;
/** Over how long polls a second are counted, ms. */
const RATED = 30_000;

/** The mean CPU of the hosts at their last polls, oldest first, from what the server remembers of each. */
function trailOf(hosts) {
  const longest = hosts.reduce((most, host) => Math.max(most, host.trail.length), 0);
  const back = (steps) => {
    const known = hosts
      .map(({ trail }) => trail[trail.length - steps])
      .filter((value) => Number.isFinite(value));
    return known.length ? known.reduce((all, value) => all + value, 0) / known.length : null;
  };
  return Array.from({ length: longest }, (_, position) => back(longest - position));
}

/** Follows the live view, for as long as the page is open. */
export class Past {
  now = sums([]);
  cpu = [];
  memory = [];
  network = [];
  answered = [];
  #polls = [];
  #at = 0;

  constructor(live) {
    live.addEventListener('change', () => this.#take(live));
    // It may have begun before.
    if (live.at) this.#take(live);
  }

  /** Polls a second; null until enough have been seen. */
  get rate() {
    const [first, last] = [this.#polls[0], this.#polls.at(-1)];
    const long = last && last.at - first.at;
    return long >= RATED / 3 ? ((last.polls - first.polls) * 1000) / long : null;
  }

  #take(live) {
    const hosts = [...live.hosts.values()];
    this.now = sums(hosts);
    const at = Date.now();
    if (at - this.#at < APART || !hosts.length) return;
    if (this.cpu.length === 0) this.cpu = trailOf(hosts);
    this.#at = at;
    this.#polls = [...this.#polls.filter((one) => at - one.at < RATED), { at, polls: live.polls }];
    const { cpu_pct: cpu, memory_pct: memory, tx_bytes_per_s: tx, answered_pct: answered } = this.now;
    for (const [kept, value] of [
      [this.cpu, cpu],
      [this.memory, memory],
      [this.network, tx],
      [this.answered, answered],
    ]) {
      kept.push(value);
      if (kept.length > KEPT) kept.shift();
    }
  }
}
