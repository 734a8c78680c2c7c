// Which points of a chart are gaps, and which values stand alone.

/** Polls that lie so many times as far apart as those before or after them have a gap between them. */
const GAP = 1.5;
/** So many times as long as between two polls after the last one, nobody asks any more. */
const OVERDUE = 3;

/**
 * Points in which no poll was due: between two that had some, no further apart than polls are there. `times` and
 * `polls` have an entry per point: when it begins, and how many polls were due in it. A host that is polled once a
 * minute has none in three of four points of 15 s; that is no gap. A server that was away for ten minutes left one.
 */
export function undue(times, polls) {
  const skipped = polls.map(() => false);
  const due = polls.flatMap((count, point) => (count ? [point] : []));
  const apart = (position) =>
    position >= 0 && position + 1 < due.length ? times[due[position + 1]] - times[due[position]] : 0;
  for (let position = 0; position + 1 < due.length; position += 1) {
    if (apart(position) <= GAP * Math.max(apart(position - 1), apart(position + 1)))
      skipped.fill(true, due[position] + 1, due[position + 1]);
  }
  return skipped;
}

/** A line through so few points is no more than a speck. */
const SPECK = 2;

/** Points that get a dot, as there is hardly a line through them; what is undefined lies between neighbours. */
export function lone(values) {
  const dots = [];
  let stretch = [];
  const end = () => {
    if (stretch.length <= SPECK) dots.push(...stretch);
    stretch = [];
  };
  values.forEach((value, point) => {
    if (value === null) end();
    else if (value !== undefined) stretch.push(point);
  });
  end();
  return dots;
}

/**
 * The stretches in which nothing is known, from `times`, `polls` and `failed` of each point of `step`: with how many
 * polls failed in them. What lies before the first poll is not one, nor a point in which no poll was due.
 */
export function gapsOf({ times, polls, failed, step }, until = Infinity) {
  const skipped = undue(times, polls);
  const first = polls.findIndex((count) => count > 0);
  const found = [];
  let open = null;
  const end = (to) => {
    if (open) found.push({ ...open, to: Math.min(to, until) });
    open = null;
  };
  for (let point = Math.max(0, first); first >= 0 && point < times.length; point += 1) {
    if (times[point] >= until) break;
    if (polls[point] > failed[point]) end(times[point]);
    else if (failed[point]) {
      open ??= { from: times[point], failed: 0 };
      open.failed += failed[point];
      open.last = times[point] + step;
    } else if (!skipped[point]) open ??= { from: times[point], failed: 0 };
  }
  // After the last attempt nobody knows yet: the next one may bring values. Nobody asks only when it is overdue.
  const [before, last] = polls.flatMap((count, point) => (count ? [times[point]] : [])).slice(-2);
  const isOverdue = until - last > OVERDUE * (last - before);
  if (open?.failed) end(open.last);
  else if (isOverdue) end(Math.min(times.at(-1) + step, until));
  return found
    .filter(({ from, to }) => to > from)
    .map(({ from, to, failed: count }) => ({ from, to, failed: count }));
}
