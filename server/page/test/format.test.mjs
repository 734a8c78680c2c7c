// How moments and numbers are written: without a browser.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { moment, told } from '../format.js';

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
