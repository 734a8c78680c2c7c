// Questions that come by themselves: the decision alone, without a browser.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { paced } from '../pace.js';

test('a slow server is asked twice at once, and once more for all that was wanted meanwhile', async () => {
  const open = [];
  let asked = 0;
  const ask = paced(() => {
    asked += 1;
    return new Promise((resolve) => {
      open.push(resolve);
    });
  });
  for (let times = 0; times < 10; times += 1) ask();
  assert.equal(asked, 2);
  open.shift()();
  await new Promise(setImmediate);
  assert.equal(asked, 3, 'what was wanted meanwhile is asked once');
  open.shift()();
  open.shift()();
  await new Promise(setImmediate);
  assert.equal(asked, 3, 'and not again');
  ask();
  assert.equal(asked, 4);
});
