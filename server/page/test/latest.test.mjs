// Which answer is shown: the decision alone, without a browser.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { latest } from '../latest.js';

test('an answer that a later one has overtaken is not shown', () => {
  const questions = latest();
  const [first, second, third] = [questions.ask(), questions.ask(), questions.ask()];
  assert.deepEqual([second(), first(), third(), second()], [true, false, true, false]);
});

test('answers that are late, but in turn, are shown: a slow server is, too', () => {
  const questions = latest();
  const open = [questions.ask()];
  for (let asked = 0; asked < 5; asked += 1) {
    open.push(questions.ask());
    assert.equal(open.shift()(), true, 'an answer that comes after the next question');
  }
});

test('an answer to another question is not shown, also when it comes first', () => {
  const questions = latest();
  const hour = questions.ask('1h');
  const day = questions.ask('24h');
  assert.equal(hour(), false);
  assert.equal(day(), true);
  assert.equal(day(), true, 'an answer in parts');
});

test('after the end nothing is shown', () => {
  const questions = latest();
  const before = questions.ask();
  questions.end();
  assert.deepEqual([before(), questions.ask('more')()], [false, false]);
});
