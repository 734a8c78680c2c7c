// When alarms fired in a span, from how they changed and from those that fire now.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { stretches } from '../fired.js';

const [FROM, TO] = [100, 200];

/** A change of an alarm at a moment. */
const change = (at, from, to, rule = 'load-high', row = '') => ({
  slot_ms: at,
  from,
  to,
  rule,
  row,
  severity: 'warning',
});
const firing = (fired, rule = 'load-high', row = '') => ({
  fired_ms: fired,
  rule,
  row,
  severity: 'critical',
});
/** Newest first, as the server has them. */
const ends = (changes, now) =>
  stretches(changes.toReversed(), now, FROM, TO).map(({ begin, end }) => [begin, end]);

test('an alarm fires from when it began to when it was over, whatever lies between', () => {
  const whole = [
    change(110, 'ok', 'pending'),
    change(120, 'pending', 'firing'),
    change(130, 'firing', 'clearing'),
    change(140, 'clearing', 'firing'),
    change(150, 'firing', 'unknown'),
    change(160, 'unknown', 'ok'),
  ];
  assert.deepEqual(ends(whole, []), [[120, 160]]);
  assert.deepEqual(ends([...whole, change(170, 'ok', 'firing')], [firing(170)]), [
    [120, 160],
    [170, TO],
  ]);
});

test('what began before the span or is not over goes to its ends', () => {
  assert.deepEqual(ends([change(150, 'firing', 'ok')], []), [[FROM, 150]]);
  assert.deepEqual(ends([], [firing(50)]), [[FROM, TO]]);
  assert.deepEqual(ends([change(150, 'firing', 'firing')], [firing(50)]), [[FROM, TO]]);
});

test('what was over before, or began after, is not in it', () => {
  // Changes are read up to now: the span may end before.
  assert.deepEqual(ends([change(210, 'ok', 'firing')], [firing(210)]), []);
  assert.deepEqual(ends([change(230, 'firing', 'ok')], []), [[FROM, TO]]);
});

test('alarms of other rules and rows are others', () => {
  const both = [
    change(120, 'ok', 'firing', 'disk-full', '/'),
    change(130, 'firing', 'ok', 'disk-full', '/var'),
  ];
  assert.deepEqual(ends(both, [firing(120, 'disk-full', '/')]), [
    [FROM, 130],
    [120, TO],
  ]);
});
