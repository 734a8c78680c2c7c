// What the server says, in the reader's language. It comes in English: the catalogue has the sentences of the server
// with places for their values, and what stands in such a place may be a sentence again. What is in none stays as it
// is.

import { catalogue } from './i18n.js';

/** Sentences that are remembered: thousands of rows say the same. */
const KEPT = 1000;
/** A place for a value. */
const PLACE = /\{(\w+)\}/;
/** What stands in some places: a word, a number, or the form of a verb. In others there is anything. */
const ANY = '([^]+?)';
const WORD = String.raw`(\S+?)`;
const FORMS = {
  ...Object.fromEntries(
    ['host', 'name', 'other', 'state', 'family', 'service', 'interface', 'n'].map((place) => [place, WORD]),
  ),
  make: '(makes?)',
  makes: '(makes?)',
  firing: String.raw`(\d+)`,
  over: String.raw`(\d+)`,
};
/** A space that a value brought between two Chinese letters. */
const SPACE = /(?<=[\u4e00-\u9fff]) (?=[\u4e00-\u9fff])/g;

const escaped = (text) => text.replace(/[.*+?^$()|[\]\\{}]/g, String.raw`\$&`);

/** A sentence of the catalogue: how it is known, what its places are called, what it is in the other language. */
function known([english, own]) {
  const parts = english.split(PLACE);
  const names = parts.filter((_, at) => at % 2);
  const letters = parts.map((part, at) => (at % 2 ? (FORMS[part] ?? ANY) : escaped(part))).join('');
  const weight = parts.filter((_, at) => at % 2 === 0).join('').length;
  return { names, own, weight, pattern: new RegExp(`^${letters}$`) };
}

/** Words of the API that stand within sentences, by vocabulary. */
const WORDS = ['outcome', 'state', 'cause', 'family'];

/** What translates by a catalogue; without one, nothing does. */
export function translator(words) {
  if (!words?.sentences) return (text) => text;
  // The one that says most is tried first.
  const all = Object.entries(words.sentences)
    .map(known)
    .sort((a, b) => b.weight - a.weight);
  const terms = Object.assign({}, ...WORDS.map((kind) => words.words[kind]));
  const word = (text) => (Object.hasOwn(terms, text) ? terms[text] : null);
  const memory = new Map();

  function ofOne(text) {
    const own = word(text);
    if (own !== null) return own;
    for (const { pattern, names, own: chinese } of all) {
      const found = pattern.exec(text);
      if (!found) continue;
      const values = Object.fromEntries(names.map((name, at) => [name, found[at + 1]]));
      return chinese.replace(/\{(\w+)\}/g, (_, name) => translated(values[name])).replace(SPACE, '');
    }
    return null;
  }
  /** Several flaws, or how a poll ended and why. */
  function ofParts(text) {
    const flaws = text.split('; ');
    if (flaws.length > 1) return flaws.map(translated).join('；');
    const [head, ...rest] = text.split(': ');
    return rest.length && word(head) !== null ? `${word(head)}：${translated(rest.join(': '))}` : text;
  }
  function ofAll(text) {
    const sentences = text.split(/(?<=\.) (?=[A-Z])/);
    return sentences.length > 1 ? sentences.map(translated).join('') : (ofOne(text) ?? ofParts(text));
  }
  function translated(text) {
    const before = memory.get(text);
    if (before !== undefined) return before;
    const after = ofAll(text);
    if (memory.size >= KEPT) memory.clear();
    memory.set(text, after);
    return after;
  }
  return translated;
}

export const inWords = translator(catalogue);
