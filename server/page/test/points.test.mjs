// Which points of a chart are gaps: the decisions alone, without a browser.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { lone, undue } from '../points.js';

/** Points of `step` s, with the polls of a host at these moments, s. */
function polled(step, moments, points = 40) {
  const times = Array.from({ length: points }, (_, point) => point * step * 1000);
  return [
    times,
    times.map(
      (begin) =>
        moments.filter((moment) => moment * 1000 >= begin && moment * 1000 < begin + step * 1000).length,
    ),
  ];
}
const every = (interval, from, to) =>
  Array.from({ length: Math.floor((to - from) / interval) }, (_, n) => from + n * interval);
/** The points that are gaps: without a poll, and not passed over. */
const gapsOf = ([times, polls]) => {
  const skipped = undue(times, polls);
  return polls.flatMap((count, point) => (count || skipped[point] ? [] : [point]));
};

test('a point without a poll that was due is no gap', () => {
  for (const [step, interval] of [
    [15, 60],
    [5, 10],
    [10, 25],
    [1, 2],
    [15, 30],
  ]) {
    assert.deepEqual(
      gapsOf(polled(step, every(interval, 0, 40 * step))).filter(
        (point) => (point + 1) * step + interval < 40 * step,
      ),
      [],
      `${interval} s in ${step} s`,
    );
  }
});

test('an interval that was changed leaves no gap', () => {
  const [times, polls] = polled(15, [...every(15, 0, 300), ...every(60, 300, 600)]);
  assert.deepEqual(
    gapsOf([times, polls]).filter((point) => point < 36),
    [],
  );
});

test('a server that was away has left one', () => {
  assert.deepEqual(
    gapsOf(polled(10, [...every(10, 0, 100), ...every(10, 200, 400)])),
    [10, 11, 12, 13, 14, 15, 16, 17, 18, 19],
  );
  assert.deepEqual(
    gapsOf(polled(10, [0, 200], 21)).length,
    19,
    'of two polls nobody knows how far apart they should be',
  );
});

test('values without a neighbour, or with one alone, get a dot', () => {
  assert.deepEqual(lone([null, 1, null, 2, 3, null, 4]), [1, 3, 4, 6]);
  assert.deepEqual(lone([1, 2, 3, null, 4, 5, 6]), []);
  assert.deepEqual(lone([1, undefined, undefined, 2, 3, null, 4, undefined, null]), [6]);
  assert.deepEqual(lone([undefined, null]), []);
  assert.deepEqual(lone([]), []);
});
