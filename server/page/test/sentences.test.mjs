// What the server says, in Chinese: each sentence of its sources is in the catalogue, and real ones come out without a
// word of English. Without a browser.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { translator } from '../sentences.js';
import { CATALOGUE } from './texts.mjs';

const chinese = translator(CATALOGUE);
const source = (path) => readFileSync(new URL(`../../src/${path}`, import.meta.url), 'utf8');
/** English is left where words of more than two small letters are, but for names, commands and what a host says. */
const left = (text, names = []) =>
  (text.match(/[a-z]{3,}/g) ?? []).filter((word) => !names.includes(word)).join(' ');

/** The sentences of errors: their places are `{}` here, whatever they are called there. */
function errorsOf(path) {
  const found = [...source(path).matchAll(/#\[error\(\s*((?:r#)?"(?:[^"\\]|\\.)*")/g)].map(([, literal]) =>
    literal
      .slice(1, -1)
      .replaceAll(/\\\n\s*/g, '')
      .replaceAll('\\"', '"')
      // Where else it was, in parentheses, is of the address.
      .replaceAll('{address}{}', '{address}')
      .replaceAll(/\{[^}]*\}/g, 'X1'),
  );
  return found.filter((text) => text !== 'X1');
}

test('each error of a poll has its Chinese', () => {
  const all = ['poll/dial.rs', 'poll/classify.rs', 'poll/decode.rs', 'poll/connection.rs'].flatMap(errorsOf);
  assert.ok(all.length > 25, `${all.length} are read`);
  // An error that has a cause stands before it.
  const without = all.filter((text) => chinese(text) === text);
  assert.deepEqual(without, []);
  for (const text of all)
    assert.equal(
      left(chinese(text), ['ping', 'roundsman', 'accept', 'protobuf', 'tls', 'mtls', 'cert', 'key']),
      '',
      text,
    );
});

test('each summary of the shipped rules has its Chinese', () => {
  const all = [...source('alert/shipped.toml').matchAll(/^summary = "(.*)"$/gm)].map(([, text]) => text);
  assert.ok(all.length > 30);
  for (const text of all) {
    const real = text.replaceAll(
      /\{(\w+)\}/g,
      (_, name) =>
        ({ state: 'down', outcome: 'refused', cause: 'clock 5.0 s ahead, limit 1s' })[name] ?? 'X1',
    );
    assert.equal(
      left(chinese(real), ['oundsman', 'roundsman', 'renew', 'inode', 'netfilter']),
      '',
      `${real}: ${chinese(real)}`,
    );
  }
});

test('how a poll ended has the same Chinese in words as by its code', () => {
  const [, words] = source('model/outcome.rs').split('fn in_words');
  const all = [...words.matchAll(/Self::(\w+) => "([^"]+)"/g)];
  assert.ok(all.length > 3);
  for (const [, name, english] of all) {
    const code = name.replaceAll(/(?<=[a-z])[A-Z]/g, (letter) => `_${letter}`).toLowerCase();
    assert.equal(chinese(english), CATALOGUE.words.outcome[code], english);
    assert.equal(chinese(`web-1 is down: ${english}`), `web-1 宕机：${CATALOGUE.words.outcome[code]}`);
  }
});

test('what the server says of states and of changes of them is in Chinese, with its values', () => {
  const folder = 'health/tests/snapshots/roundsman__health__tests__told__';
  for (const name of [
    'every_state_says_what_would_change_it',
    'what_stands_around_a_state_is_said_too',
    'moves_say_why',
  ]) {
    const [, body] = source(`${folder}${name}.snap`).split(/^expression: .*\n---\n/m);
    const all = body.split('\n').filter((line) => line && !line.startsWith('rise '));
    assert.ok(all.length > 10, name);
    for (const line of all) {
      const text = line.replace(/^\w+ -> \w+ \([^)]*\): /, '');
      const own = chinese(text);
      // What a probe or a person says stays as it is.
      const names = ['diskstats', 'proc', 'permission', 'denied', 'new', 'disk', 'nightly', 'paused'];
      assert.equal(left(own, names), '', `${text}: ${own}`);
      for (const value of text.match(/\d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC|\d+(?= (polls|more|good))/g) ?? [])
        assert.ok(own.includes(value), `${value} of ${text}: ${own}`);
    }
  }
});

test('why a server is not ready is in Chinese', () => {
  const text = source('query/readiness.rs');
  const all = [...text.matchAll(/(?:reasons|warnings)\s*\.push\((?:format!\(\s*)?"((?:[^"\\]|\\.)*)"/g)].map(
    ([, one]) => one.replaceAll(/\\\n\s*/g, '').replaceAll(/\{[^}]*\}/g, 'X1'),
  );
  assert.ok(all.length >= 6, `${all.length} are read`);
  for (const one of all) assert.equal(left(chinese(one)), '', one);
});

test('what is in no sentence stays as it is, and without a catalogue everything does', () => {
  const free = 'No route to host (os error 113)';
  assert.equal(chinese(free), free);
  assert.equal(chinese('web-1: it is all over'), 'web-1: it is all over');
  assert.equal(chinese(`10.0.0.1:1: cannot connect: ${free}`), `10.0.0.1:1：无法连接：${free}`);
  assert.equal(
    chinese('a poll failed: refused: nothing listens on a:1'),
    '一次轮询失败：连接被拒绝：a:1 无进程监听',
  );
  // A sentence within another is whole.
  assert.equal(
    chinese('down since X: the last 3 polls failed; 2 good polls make it up. It is left alone until Y.'),
    '自 X 起宕机：最近 3 次轮询均失败；连续 2 次成功即恢复正常。Y 前不再询问。',
  );
  assert.equal(
    chinese(
      'suspect since X: the last poll failed; 2 more failed polls make it down, 2 good polls make it up.',
    ),
    '自 X 起可疑：最近一次轮询失败；再失败 2 次则为宕机，连续 2 次成功即恢复正常。',
  );
  assert.equal(chinese('connected, but no answer within 1.50 s'), '已连接，1.50 秒内无应答');
  assert.equal(translator(null)('it answers'), 'it answers');
});
