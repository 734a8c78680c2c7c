// A board as the text of its file, TOML, and the charts of one as the page asks for them.

const KEYS = ['title', 'column', 'host', 'table', 'row', 'hosts', 'group', 'labels', 'top', 'order'];

/** A text as TOML has it: as JSON does, but for one control character. */
const quoted = (text) => JSON.stringify(text).replaceAll('\u007f', '\\u007f');

/** A value; empty for one that says nothing. */
function valueOf(value) {
  if (typeof value === 'number') return String(value);
  if (Array.isArray(value)) return value.length ? `[${value.map(quoted).join(', ')}]` : '';
  if (value && typeof value === 'object') {
    const pairs = Object.entries(value).map(([key, each]) => `${quoted(key)} = ${quoted(each)}`);
    return pairs.length ? `{ ${pairs.join(', ')} }` : '';
  }
  return value ? quoted(value) : '';
}

const linesOf = (some, keys) =>
  keys
    .map((key) => [key, valueOf(some[key])])
    .filter(([, value]) => value)
    .map(([key, value]) => `${key} = ${value}`);

/** The comments that a file begins with: they stay when its board is written anew. */
const headOf = (before) => /^(?:[ \t]*(?:#[^\n]*)?\n)*/.exec(before ?? '')[0];

/** The text of a board in the place of `before`. */
export function boardText({ title, span, charts }, before = '') {
  const parts = [linesOf({ title, span }, ['title', 'span'])];
  for (const chart of charts) parts.push(['[[chart]]', ...linesOf(chart, KEYS)]);
  return `${headOf(before)}${parts.map((lines) => `${lines.join('\n')}\n`).join('\n')}`;
}

/** A name for a board with this title that none of `taken` is: that of its file. */
export function nameFor(title, taken) {
  const plain = title
    .normalize('NFKD')
    .replaceAll(/\p{M}/gu, '')
    .replaceAll(/[^A-Za-z0-9]+/g, '-')
    .replaceAll(/^-+|-+$/g, '')
    .toLowerCase()
    .slice(0, 56);
  const base = plain || 'board';
  let name = base;
  for (let number = 2; taken.includes(name); number += 1) name = `${base}-${number}`;
  return name;
}
