// Why there is a gap: what came of the polls of a point that failed, asked for when it is pointed at.

import { get, hostPath } from './api.js';
import { t } from './i18n.js';
import { ANSWERED, outcomeWithin } from './words.js';

/** Attempts that are read for one gap at most, and gaps that are remembered. */
const READ = 1000;
const REMEMBERED = 300;

/** How often each outcome but a good one is among polls, most often first: `refused × 3, deadline`. */
export function told(polls) {
  const counts = new Map();
  for (const { outcome } of polls) {
    if (!ANSWERED.includes(outcome)) counts.set(outcome, (counts.get(outcome) ?? 0) + 1);
  }
  const sorted = [...counts].sort(([, a], [, b]) => b - a);
  return sorted
    .map(([outcome, count]) => `${outcomeWithin(outcome)}${count > 1 ? ` × ${count}` : ''}`)
    .join(t(', '));
}

/** What is known of a host's gaps. */
export function gaps(name) {
  const known = new Map();
  /** What is to be called once an answer is there: charts have one cursor, so there are several. */
  const waiting = new Map();

  async function ask(key, from, to) {
    const asked = { from, to, limit: READ, order: 'asc', fields: 'outcome' };
    const outcomes = await get(`${hostPath(name)}/polls`, asked).then(
      ({ polls }) => told(polls) || t('the attempts are not kept any more'),
      () => null,
    );
    const all = waiting.get(key);
    waiting.delete(key);
    if (outcomes === null) return;
    if (known.size >= REMEMBERED) known.clear();
    known.set(key, outcomes);
    for (const again of all) again();
  }

  /**
   * The outcomes between two moments in words, once they are known; then `again` is called. `failed` is how many there
   * are: the last point of a chart may still get more.
   */
  function words(from, to, failed, again) {
    const key = `${from}-${to}-${failed}`;
    if (known.has(key)) return known.get(key);
    if (waiting.has(key)) waiting.get(key).add(again);
    else {
      waiting.set(key, new Set([again]));
      ask(key, from, to);
    }
    return '';
  }
  return { words };
}
