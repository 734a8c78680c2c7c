// What a fleet comes to: sums and means over its hosts, as they are now. Pure.

import { ANSWERED } from './words.js';

/** States in which a host's values are of now. */
const FRESH = ['up', 'degraded'];

/** Whether a host's values are of its last poll. */
export const isFresh = (host) => FRESH.includes(host.state);

/** What `all` has, by the key of each, in the order in which keys come. */
export function grouped(all, keyOf) {
  const groups = new Map();
  for (const one of all) {
    const key = keyOf(one);
    if (groups.has(key)) groups.get(key).push(one);
    else groups.set(key, [one]);
  }
  return groups;
}

/** The value at a share of 100 of these, by rank; null of none. */
export function rank(values, share) {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.max(0, Math.ceil((sorted.length * share) / 100) - 1)] ?? null;
}

/** The sum of what is known; null where nothing is. */
function sum(hosts, value) {
  const known = hosts.map(value).filter((one) => one !== null && one !== undefined);
  return known.length ? known.reduce((all, one) => all + one, 0) : null;
}
const product = (a, b) =>
  a === null || b === null || a === undefined || b === undefined ? null : (a * b) / 100;
const share = (part, whole) => (part === null || !whole ? null : (part / whole) * 100);

/** The sums of hosts; of a host whose values are old none count. */
export function sums(hosts) {
  const fresh = hosts.filter(isFresh);
  const polled = hosts.filter((host) => host.outcome && host.state !== 'paused' && host.state !== 'retired');
  const answered = polled.filter((host) => ANSWERED.includes(host.outcome)).length;
  // A whole and its part are of the same hosts.
  const cored = fresh.filter((host) => host.cpus_online && host.cpu_busy_pct !== null);
  const sized = fresh.filter((host) => host.mem_total_bytes && host.mem_used_pct !== null);
  const cores = sum(cored, (host) => host.cpus_online);
  const busy = sum(cored, (host) => product(host.cpus_online, host.cpu_busy_pct));
  const memory = sum(sized, (host) => host.mem_total_bytes);
  const used = sum(sized, (host) => product(host.mem_total_bytes, host.mem_used_pct));
  const known = (value) => fresh.map(value).filter((one) => one !== null);
  return {
    hosts: hosts.length,
    polled: polled.length,
    answered,
    answered_pct: share(answered, polled.length),
    call_p95_us: rank(
      known((host) => host.call_us),
      95,
    ),
    cores,
    busy_cores: busy,
    cpu_pct: share(busy, cores),
    cpu_p95_pct: rank(
      known((host) => host.cpu_busy_pct),
      95,
    ),
    memory_bytes: memory,
    used_bytes: used,
    memory_pct: share(used, memory),
    disk_max_pct: fresh.reduce((most, host) => Math.max(most ?? 0, host.fs_used_max_pct ?? 0), null),
    rx_bytes_per_s: sum(fresh, (host) => host.net_rx_bytes_per_s),
    tx_bytes_per_s: sum(fresh, (host) => host.net_tx_bytes_per_s),
  };
}
