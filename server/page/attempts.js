// How long calls took over a span: read from the attempts, as there is no column of it.

import { get, hostPath } from './api.js';
import { ANSWERED } from './words.js';

/** Attempts of a page, and those that are read for a span at most: of a longer span it is not told. */
const PAGE = 1000;
const MOST = 2000;

/** Least, mean and most of the calls in each point. */
function byPoint(calls, { times, step }) {
  const points = times.map(() => ({ sum: 0, count: 0, least: null, most: null }));
  for (const { slot_ms: at, call_us: took } of calls) {
    const one = points[Math.floor((at - times[0]) / step)];
    if (!one) continue;
    one.sum += took;
    one.count += 1;
    one.least = Math.min(one.least ?? took, took);
    one.most = Math.max(one.most ?? took, took);
  }
  return {
    avg: points.map(({ sum, count }) => (count ? sum / count : null)),
    min: points.map(({ least }) => least),
    max: points.map(({ most }) => most),
  };
}

/** Reads the attempts of a host. Those that were read are kept: up to now there are only some new ones. */
export function attempts(name) {
  /** What was read: from which moment on, and up to which. */
  let kept = { from: Infinity, to: -Infinity, calls: [] };

  async function page(from, to) {
    const asked = { from, to, limit: PAGE, order: 'asc', fields: 'slot_ms,outcome,call_us' };
    return get(`${hostPath(name)}/polls`, asked);
  }
  /** The calls between two moments. */
  async function calls(from, to) {
    const isLonger = from >= kept.from && from <= kept.to;
    const found = isLonger ? kept.calls.filter(({ slot_ms: at }) => at >= from) : [];
    let begin = isLonger ? kept.to : from;
    for (let pages = 0; pages <= MOST / PAGE && begin < to; pages += 1) {
      const { polls } = await page(begin, to);
      found.push(
        ...polls.filter(({ outcome, call_us: took }) => ANSWERED.includes(outcome) && took !== null),
      );
      if (polls.length > 0) begin = polls.at(-1).slot_ms + 1;
      if (polls.length < PAGE) break;
    }
    kept = { from, to: Math.max(begin, isLonger ? kept.to : from), calls: found };
    return found.filter(({ slot_ms: at }) => at < to);
  }
  return {
    /** What calls took in each point of a span; null when there are too many. */
    async read(fails, { from, to }) {
      if (fails.polls.reduce((sum, count) => sum + count, 0) > MOST) return null;
      return byPoint(await calls(from, to), fails);
    },
  };
}
