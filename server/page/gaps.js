// Why there is a gap: what came of the polls of a point that failed, asked for when it is pointed at.

import { get, hostPath } from './api.js';

/** Attempts that are read for one gap at most, and gaps that are remembered. */
const READ = 1000;
const REMEMBERED = 300;

/** How often each outcome but a good one is among polls, most often first: `refused 3, deadline`. */
export function told(polls) {
  const counts = new Map();
  for (const { outcome } of polls) if (outcome !== 'ok' && outcome !== 'partial') counts.set(outcome, (counts.get(outcome) ?? 0) + 1);
  const sorted = [...counts].sort(([, a], [, b]) => b - a);
  return sorted.map(([outcome, count]) => (count > 1 ? `${outcome} × ${count}` : outcome)).join(', ');
}

/** What is known of a host's gaps. */
export function gaps(name) {
  const known = new Map();

  /** The outcomes between two moments in words, once they are known; then `again` is called. */
  function words(from, to, again) {
    const key = `${from}-${to}`;
    if (known.has(key)) return known.get(key);
    if (known.size >= REMEMBERED) known.clear();
    known.set(key, '');
    get(`${hostPath(name)}/polls`, { from, to, limit: READ, order: 'asc', detail: 'false' }).then(({ polls }) => {
      known.set(key, told(polls) || 'the attempts are not kept any more');
      again();
    }, () => known.delete(key));
    return '';
  }
  return { words, forget: () => known.clear() };
}
