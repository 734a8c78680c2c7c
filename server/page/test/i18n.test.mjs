// The Chinese of the page: every text that it shows has one, and each is set as Chinese is. Without a browser.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CATALOGUE, said } from './texts.mjs';

/** Names, units and keys that stand in Chinese texts as they are. */
const NAMES = new Set([
  ...[
    'CPU',
    'CSV',
    'I/O',
    'FIFO',
    'IPv4',
    'IPv6',
    'PNG',
    'RCU',
    'SYN',
    'TCP',
    'TIME_WAIT',
    'TLS',
    'UDP',
    'UTC',
    'inode',
    'kswapd',
    'slab',
    'swap',
  ],
  ...[
    'Esc',
    'Shift',
    'G',
    'F',
    'A',
    'B',
    'C',
    'T',
    'E',
    'I',
    'S',
    'V',
    'X',
    'Roundsman',
    'root',
    'rack=a1',
    '/s',
    '/',
  ],
  ...[
    '/proc',
    'docker/build',
    'sh',
    'NOT_SERVING',
    'gRPC',
    'HTTP',
    'HTTP/2',
    'ping',
    'protobuf',
    '/etc/machine',
    'machine',
    'id',
  ],
  ...['roundsman', 'accept', 'HOST', 'ca', 'renew', 'tls', 'mtls', 'cert', 'key', 'paused', 'netfilter'],
]);
const { taken, singular, wrong } = said();
const { texts, words, sentences } = CATALOGUE;
const placeholders = (text) => [...new Set(text.match(/\{\w+\}/g) ?? [])].sort();
/** Every Chinese text, with what it is of. */
const chinese = [
  ...Object.entries(texts),
  ...Object.entries(sentences),
  ...Object.entries(words).flatMap(([kind, all]) =>
    Object.entries(all).map(([code, text]) => [`${kind} ${code}`, text]),
  ),
];

test('what the page shows is taken from the catalogue', () => {
  assert.deepEqual(wrong, []);
});

test('every text of the page is in the catalogue, and nothing else', () => {
  assert.deepEqual(
    [...taken].filter((text) => !Object.hasOwn(texts, text)),
    [],
    'without Chinese',
  );
  assert.deepEqual(
    Object.keys(texts).filter((text) => !taken.has(text)),
    [],
    'of no use',
  );
  assert.ok(taken.size > 300 && singular.size > 5, 'the sources are read');
});

test('a text has the same places for values in both languages', () => {
  for (const [text, own] of Object.entries(texts))
    assert.deepEqual(placeholders(own), placeholders(text), text);
  // A verb's form has no Chinese.
  for (const [text, own] of Object.entries(sentences))
    assert.deepEqual(placeholders(own), placeholders(text.replaceAll(/\{makes?\}/g, '')), text);
});

test('Chinese is set as Chinese: its punctuation, its spaces, and no English but names', () => {
  const found = [];
  for (const [text, own] of chinese) {
    const plain = own.replace(/\{\w+\}/g, '0');
    if (/\d\s+[台核]/.test(plain)) found.push(`${text}: a space before 台 or 核`);
    if (/[\u4e00-\u9fff][,;:!?]|[\u4e00-\u9fff]\(|[\u4e00-\u9fff]\.(\s|$)/.test(plain))
      found.push(`${text}: half-width punctuation`);
    for (const name of plain.match(/[A-Za-z/][\w/=]*/g) ?? [])
      if (!NAMES.has(name)) found.push(`${text}: ${name}`);
    if (own !== own.normalize('NFC')) found.push(`${text}: not in its normal form`);
  }
  assert.deepEqual(found, []);
});
