// What graphs are drawn of: answers about columns over time, made ready, and the polls behind each point.

import { get } from './api.js';
import { columnsOf, seriesOf } from './asked.js';
import { attempts } from './attempts.js';
import { gapsOf, undue } from './points.js';
import { reboots } from './reboots.js';

/** What of an answer is drawn around a line. */
const RANGES = 'columns.name,columns.min,columns.max';

/** Answers as graphs take them: seconds, values by column, and the polls behind each point. */
function drawable(all, to) {
  const [{ polls, failed, step_ms: step, start_ms: start, tier }] = all;
  const times = polls.map((_, point) => start + point * step);
  // uPlot draws a line over what is undefined, and ends it at what is null.
  const skipped = undue(times, polls);
  const fails = { times, polls, failed, step };
  const gaps = gapsOf(fails, Math.min(to, Date.now()));
  // Between the attempts of a host that does not answer none was due, and nothing is known all the same.
  const isIn = (point) => gaps.some((gap) => times[point] >= gap.from && times[point] < gap.to);
  const isJoined = skipped.map((isSkipped, point) => isSkipped && !isIn(point));
  const joined = (values) => values.map((value, point) => (isJoined[point] ? undefined : value));
  return {
    seconds: times.map((ms) => ms / 1000),
    series: new Map(all.flatMap(({ columns }) => columns.map(({ name, avg }) => [name, joined(avg)]))),
    ranges: new Map(),
    joined,
    fails,
    step,
    tier,
    gaps,
  };
}

/** Reads what graphs are drawn of. */
export function answers(name) {
  const ledger = attempts(name);

  /**
   * What `list` is drawn of over a span, in `points`, with the columns `beside`; null when it is not `isWanted` any
   * more. The span's `marks` are to come.
   */
  async function read(list, beside, { from, to, marks }, points, isWanted) {
    const questions = seriesOf(name, list, beside, { from, to, points }).map((one) => get(...one));
    const [marked, ...all] = await Promise.all([marks, ...questions]);
    if (!isWanted()) return null;
    const what = drawable(all, to);
    what.marks = [...reboots(what), ...marked];
    return what;
  }

  /** Adds what is read beside it, and is not waited for: the least and the most of points, and what calls took. */
  async function add(what, list, { from, to }, points) {
    const banded = list.filter((one) => one.band && !one.isOfAttempts).map(({ lines }) => lines[0].plus[0]);
    // Where no point holds several polls there is nothing between the least and the most.
    const hasRange = banded.length > 0 && what.fails.polls.some((count) => count > 1);
    const [ranges, calls] = await Promise.all([
      hasRange ? get(...columnsOf(name, banded, RANGES, { from, to, points })) : null,
      list.some((one) => one.isOfAttempts) ? ledger.read(what.fails, { from, to }) : null,
    ]);
    for (const { name: column, min, max } of ranges?.columns ?? []) what.ranges.set(column, { min, max });
    if (calls) {
      what.series.set('call_us', what.joined(calls.avg));
      what.ranges.set('call_us', calls);
    }
    what.isTooMany = calls === null;
  }
  return { read, add };
}
