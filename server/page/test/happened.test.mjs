// What happened to hosts that are compared, as marks of a graph. Without a browser.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { happened } from '../happened.js';

/** Answers of a server, by the path that is asked. */
const ANSWERS = {
  events: {
    events: [
      { host: 'a', at_ms: 5000, from: 'suspect', to: 'down' },
      { host: 'a', at_ms: 4000, from: 'up', to: 'suspect' },
      { host: 'other', at_ms: 3000, from: 'suspect', to: 'down' },
      { host: 'b', at_ms: 2000, from: 'degraded', to: 'degraded' },
    ],
  },
  alert_events: {
    events: [
      { host: 'b', slot_ms: 7000, from: 'pending', to: 'firing', severity: 'critical' },
      { host: 'b', slot_ms: 6000, from: 'ok', to: 'pending', severity: 'critical' },
      { host: 'other', slot_ms: 6500, from: 'pending', to: 'firing', severity: 'warning' },
    ],
  },
  series: {
    start_ms: 0,
    step_ms: 1000,
    lines: [
      { host: 'a', values: { avg: [100, 101, null, 103] } },
      { host: 'b', values: { avg: [900, 901, 2, 3] } },
    ],
  },
};

test('changes of state, alarms that begin and reboots of these hosts, and of no other', async (one) => {
  const asked = [];
  one.mock.method(globalThis, 'fetch', async (address) => {
    asked.push(String(address));
    const [path] = String(address).split('/').at(-1).split('?');
    return { ok: true, json: async () => ANSWERS[path] };
  });
  assert.deepEqual(await happened(['a', 'b'], [0, 9000]), [
    { at: 5000, kind: 'down', words: 'a' },
    { at: 7000, kind: 'down', words: 'b' },
    { at: 0, kind: 'reboot', words: 'b' },
  ]);
  assert.equal(asked.length, 3);
  const many = Array.from({ length: 13 }, (_, number) => `host-${number}`);
  assert.deepEqual(await happened(many, [0, 9000]), [], 'of many there would be too many');
  assert.equal(asked.length, 3, 'nothing is asked for');
});

test('what cannot be read is not marked', async (one) => {
  one.mock.method(globalThis, 'fetch', async () => ({ ok: false, status: 503, json: async () => ({}) }));
  assert.deepEqual(await happened(['a'], [0, 9000]), []);
});
