// The little charts of alarms: how their value went over the last hour. Only what is seen is asked for.

import { fill } from './dom.js';
import { get, hostPath } from './api.js';
import { unitOf } from './format.js';
import { spark } from './spark.js';

/** How far back they go, and in how many points. */
const SPAN = '-1h';
const POINTS = 60;
/** How often one that is seen is asked for again, ms; and how many are asked for at once. */
const AGAIN = 60_000;
const AT_ONCE = 4;

/** Draws traces into places: `of(place)` gives host, column and threshold of one. */
export function traces(of) {
  const waiting = new Set();
  /** When each was asked for last. */
  const asked = new WeakMap();
  let busy = 0;
  let left = false;

  async function load(place) {
    const { host, column, threshold, words } = of(place);
    const asking = { columns: column, from: SPAN, points: POINTS, digits: 4, fields: 'columns.avg' };
    const answer = await get(`${hostPath(host)}/series`, asking).catch(() => null);
    const values = answer?.columns[0]?.avg ?? [];
    const known = values.filter((value) => value !== null);
    if (left || known.length === 0) return;
    const most = unitOf(column) === 'pct' ? 100 : Math.max(...known, threshold ?? 0) * 1.1 || 1;
    fill(place, spark(values, words, most, threshold));
  }
  function next() {
    for (const place of waiting) {
      if (busy >= AT_ONCE || left) return;
      waiting.delete(place);
      asked.set(place, Date.now());
      busy += 1;
      load(place).finally(() => {
        busy -= 1;
        next();
      });
    }
  }
  const seen = new Set();
  const watch = new IntersectionObserver((entries) => {
    for (const { target, isIntersecting } of entries) {
      if (isIntersecting) seen.add(target);
      else seen.delete(target);
    }
    renewed();
  });
  /** Asks for those that are seen and not fresh. */
  function renewed() {
    for (const place of seen) {
      if (!place.isConnected) seen.delete(place);
      else if (Date.now() - (asked.get(place) ?? 0) > AGAIN) waiting.add(place);
    }
    next();
  }
  return {
    watch: (place) => watch.observe(place),
    renew: renewed,
    /** They have another theme's colours. */
    themed() {
      for (const place of seen) asked.delete(place);
      renewed();
    },
    leave() {
      left = true;
      watch.disconnect();
    },
  };
}
