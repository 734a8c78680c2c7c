// How moments and numbers are written: without a browser.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { measured, moment, told, unitOf, withUnit } from '../format.js';
import { causeOf, faultOf } from '../words.js';
import { tickWords } from '../ticks.js';

process.env.TZ = 'Asia/Kolkata';

test('moments in what the server says are in the reader’s zone, as all others', () => {
  const at = moment(Date.UTC(2026, 2, 29, 1, 30, 0));
  assert.equal(at, '2026-03-29 07:00:00');
  for (const words of [
    '2026-03-29 01:30:00 UTC',
    '2026-03-29 03:30:00 +02:00',
    '2026-03-28 20:00:00 -05:30',
  ]) {
    assert.equal(told(`up since ${words}: it answers.`), `up since ${at}: it answers.`);
  }
  const two = told('paused since 2026-03-29 01:30:00 UTC until 2026-03-29 03:30:00 +02:00');
  assert.equal(two, `paused since ${at} until ${at}`);
  for (const words of ['', '2026-03-29T01:30:00.250Z', '2026-03-29 01:30:00'])
    assert.equal(told(words), words, 'what has no zone is left as it is');
});

test('a value has the unit that its column’s name ends in, also on an axis', () => {
  for (const [column, value, words] of [
    ['cpu_busy_pct', 12.3, '12 %'],
    ['mem_used_bytes', 1536, '1.5 KiB'],
    ['net_rx_bytes_per_s', 1536, '1.5 KiB/s'],
    ['context_switches_per_s', 12, '12 /s'],
    ['call_us', 950, '950 µs'],
    ['read_await_ms', 12.3, '12 ms'],
    ['uptime_s', 7200, '2 h'],
    ['procs_running', 3, '3'],
  ]) {
    assert.equal(withUnit(unitOf(column), value), words, column);
  }
  assert.equal(measured(12.3, 'ms'), '12 ms');
  assert.deepEqual(
    ['ms', 's', 'us', 'per_s'].map((unit) => tickWords(unit, 0.5)),
    ['500 µs', '500 ms', '0.5 µs', '0.5 /s'],
  );
});

test('what went wrong does not repeat the address that stands beside it', () => {
  const host = { outcome: 'deadline', address: '10.4.1.24:50051', error: null };
  const cause = '10.4.1.24:50051: connected, but no answer within 1.50 s';
  assert.equal(faultOf({ ...host, cause }), 'Deadline: connected, but no answer within 1.50 s');
  assert.equal(causeOf({ ...host, cause: null, error: cause }), 'connected, but no answer within 1.50 s');
  // That of another machine is told, and so is one that a sentence is about.
  const other = '10.4.1.25:50051: connected, but no answer within 1.50 s';
  assert.equal(causeOf({ ...host, cause: other }), other);
  assert.equal(
    causeOf({ ...host, cause: 'nothing listens on 10.4.1.24:50051' }),
    'nothing listens on 10.4.1.24:50051',
  );
  assert.equal(causeOf({ ...host, address: null, cause: null }), '');
});
