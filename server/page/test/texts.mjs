// What the page says, read from its sources: the texts that it takes from the catalogue, and those that it does not.

import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { Linter } from 'eslint';

const PAGE = fileURLToPath(new URL('..', import.meta.url));
export const CATALOGUE = JSON.parse(readFileSync(`${PAGE}/zh-CN.json`, 'utf8'));

/** How many of a call's first arguments are texts. */
const TEXTS = { t: 1, tn: 2, tp: 1 };
const FIRST = { t: 0, tn: 1, tp: 0 };
/** What of an element a reader sees or hears. */
const SHOWN = ['title', 'aria-label', 'aria-roledescription', 'placeholder', 'textContent'];
/** Shown as they are in every language: names, keys, units, and what is typed. */
const AS_THEY_ARE =
  /^(·? ?Roundsman|Enter|Ctrl Enter|Ctrl K|Esc|[KMGTP]iB(\/s)?|roundsman alerts defaults > alerts\.toml)$/;

const nameOf = ({ callee, type }) => (type === 'CallExpression' ? callee.name : undefined);

/** The strings that an expression may come to, but those that a call makes of others. */
function strings(node) {
  switch (node?.type) {
    case 'Literal':
      return typeof node.value === 'string' ? [[node, node.value]] : [];
    case 'TemplateLiteral':
      return [
        [node, node.quasis.map(({ value }) => value.cooked).join('')],
        ...node.expressions.flatMap(strings),
      ];
    case 'ConditionalExpression':
      return [...strings(node.consequent), ...strings(node.alternate)];
    case 'LogicalExpression':
      return [...strings(node.left), ...strings(node.right)];
    case 'ArrayExpression':
      return node.elements.flatMap(strings);
    case 'SpreadElement':
      return strings(node.argument);
    case 'BinaryExpression':
      return node.operator === '+' ? [...strings(node.left), ...strings(node.right)] : [];
    case 'ArrowFunctionExpression':
      return strings(node.body);
    default:
      return [];
  }
}

/** Gathers, in a source, what is taken from the catalogue, and what a reader would be shown that is not. */
function rule({ taken, singular }, wrong) {
  const bare = (node) => {
    for (const [at, words] of strings(node))
      if (/[a-z]{2}/.test(words) && !AS_THEY_ARE.test(words.trim()))
        wrong.push(`line ${at.loc.start.line}: ${words}`);
  };
  const keyOf = ({ key, computed }) => (computed ? undefined : (key.name ?? key.value));
  return {
    create: () => ({
      CallExpression(node) {
        const name = nameOf(node);
        if (TEXTS[name]) {
          for (const one of node.arguments.slice(FIRST[name], FIRST[name] + TEXTS[name])) {
            const isSingular = name === 'tn' && one === node.arguments[1];
            if (one.type === 'Literal') (isSingular ? singular : taken).add(one.value);
            else wrong.push(`line ${one.loc.start.line}: a text of ${name}() has to be written out`);
          }
        }
        if (name === 'h') node.arguments.slice(2).forEach(bare);
        if (name === 'fill' || name === 'renew' || name === 'titles') node.arguments.forEach(bare);
      },
      Property(node) {
        if (SHOWN.includes(keyOf(node))) bare(node.value);
      },
      AssignmentExpression({ left, right }) {
        if (left.type === 'MemberExpression' && SHOWN.includes(left.property.name)) bare(right);
      },
    }),
  };
}

/**
 * What the scripts and the index say: texts that are `taken` from the catalogue, the `singular` ones beside them, which
 * English alone has, and what is `wrong`.
 */
export function said() {
  const found = { taken: new Set(), singular: new Set() };
  const wrong = [];
  const linter = new Linter();
  for (const name of readdirSync(PAGE).filter((one) => one.endsWith('.js') && one !== 'i18n.js')) {
    const here = [];
    const messages = linter.verify(readFileSync(`${PAGE}/${name}`, 'utf8'), [
      { plugins: { own: { rules: { gather: rule(found, here) } } }, rules: { 'own/gather': 'error' } },
    ]);
    wrong.push(...[...messages.map(({ message }) => message), ...here].map((words) => `${name}, ${words}`));
  }
  const index = readFileSync(`${PAGE}/index.html`, 'utf8');
  for (const [, words] of index.matchAll(/\sdata-t>([^<]*)</g)) found.taken.add(words);
  for (const [tag] of index.matchAll(/<[^>]*\sdata-t-label[^>]*>/g))
    found.taken.add(/aria-label="([^"]*)"/.exec(tag)[1]);
  return { ...found, wrong };
}
