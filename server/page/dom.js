// Builds elements. Text goes in as text: what a probe says can never become markup.

import { moment, sentence, shortMoment } from './format.js';
import { t, term, tn } from './i18n.js';
import { at, hostAt } from './place.js';
import { causeOf, causeWords } from './words.js';
import { inWords } from './sentences.js';

/** What is set as an attribute; all else is a property. */
const ATTRIBUTE = /^(data-.*|aria-.*|role|for|colspan|scope|list)$/;

/** Children as nodes: text for what is none, and nothing for what there is not. */
const nodes = (children) =>
  children
    .flat()
    .filter((child) => child !== null && child !== undefined)
    .map((child) => (child instanceof Node ? child : document.createTextNode(String(child))));

/** An element; `props` are properties, attributes and `on*` handlers; children are nodes or text. */
export function h(tag, props = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(props)) {
    if (value === undefined || value === null || value === false) continue;
    if (name.startsWith('on')) element.addEventListener(name.slice(2), value);
    else if (ATTRIBUTE.test(name)) element.setAttribute(name, value === true ? '' : value);
    else if (name === 'class') element.className = value;
    else element[name] = value;
  }
  element.append(...nodes(children));
  return element;
}

const SVG = 'http://www.w3.org/2000/svg';

/** An icon of index.html, beside words that say the same. */
export function icon(name, shape = '') {
  const svg = document.createElementNS(SVG, 'svg');
  const use = document.createElementNS(SVG, 'use');
  svg.setAttribute('class', `i ${shape}`.trimEnd());
  svg.setAttribute('aria-hidden', 'true');
  use.setAttribute('href', `#i-${name}`);
  svg.append(use);
  return svg;
}

/** Puts children in the place of those an element has. */
export const fill = (element, ...children) => element.replaceChildren(...nodes(children));

/** Puts these nodes into an element in their order; one that is in its place is not touched. */
export function arrange(element, wanted) {
  const kept = new Set(wanted);
  for (const child of [...element.childNodes]) if (!kept.has(child)) child.remove();
  let next = element.firstChild;
  for (const node of wanted) {
    if (node === next) next = next.nextSibling;
    else element.insertBefore(node, next);
  }
}

/** Makes an element's attributes those of another one. */
function match(element, wanted) {
  for (const { name } of [...element.attributes])
    if (!wanted.hasAttribute(name)) element.removeAttribute(name);
  for (const { name, value } of wanted.attributes) {
    if (element.getAttribute(name) === value) continue;
    // The page's policy lets scripts set styles, but not the attribute that has them.
    if (name === 'style') element.style.cssText = wanted.style.cssText;
    else element.setAttribute(name, value);
  }
}

/** Makes a node as another one is; what cannot be made so gives way to it. */
export function become(there, node) {
  if (there === node) return;
  if (there.nodeName !== node.nodeName || node instanceof HTMLCanvasElement) there.replaceWith(node);
  else if (node instanceof Text) {
    if (there.data !== node.data) there.data = node.data;
  } else {
    match(there, node);
    renew(there, ...node.childNodes);
  }
}

/**
 * Makes an element show these children, by those it has: what is focused, marked or scrolled there stays so. For what
 * has no handlers of its own, as those of `children` are not taken over.
 */
export function renew(element, ...children) {
  const wanted = nodes(children);
  wanted.forEach((node, position) => {
    const there = element.childNodes[position];
    if (there) become(there, node);
    else element.append(node);
  });
  while (element.childNodes.length > wanted.length) element.lastChild.remove();
}

/** A list of facts: names and what is known of each. */
export const facts = (pairs) =>
  h(
    'dl',
    { class: 'facts' },
    pairs.map(([key, value]) => h('div', {}, h('dt', {}, key), h('dd', {}, value))),
  );

/** The titles of a table's columns; those that begin with # are of numbers. */
export const titles = (words) =>
  h(
    'thead',
    {},
    h(
      'tr',
      {},
      words.map((word) =>
        h('th', { scope: 'col', class: word.startsWith('#') ? 'num' : '' }, word.replace('#', '')),
      ),
    ),
  );

/** A link that the page follows itself. */
export const link = (href, words) => h('a', { href, 'data-link': true }, words);

/** What the server itself is called where hosts are. */
export const SERVER = 'roundsman:server';

/** A link to whose an event or an alarm is; none to a host that nobody knows any longer. */
export const hostLink = (host) => {
  if (host === null) return t('a host that is gone');
  return host === SERVER ? link(at('server'), t('the server')) : link(hostAt(host), host);
};

/** The page of alarms, of one host. */
export const alarmsAt = (host) => at(`alerts?${new URLSearchParams({ host })}`);

/** How many alarms of a host fire, in words. */
export const alarmWords = (count) => tn(count, '{n} alert', '{n} alerts');

/** Whether keys that are pressed now are typed into a field. */
export const isTyping = () =>
  document.activeElement?.matches('input:not([type=checkbox]), select, textarea') ?? false;

/** The shapes of severities: those of the states that are as grave. */
const SHAPES = { critical: 'down', warning: 'degraded', info: 'up' };

/** The shape and the colour of a state, or of a severity. */
export const glyph = (word) => icon(SHAPES[word] ?? word, `dot ${word}`);

/** A state in words. */
export const stateWords = (word) => sentence(term('state', word));

/** A state, or a severity, by its shape and its word. */
export const state = (word, words = stateWords(word)) =>
  h('span', { class: `st ${word}` }, glyph(word), words);

/** What an event made of a host: a state, or a mark beside the one that it had. */
export const became = (event) =>
  event.from === event.to
    ? h('span', {}, state(event.to), h('span', { class: 'mark' }, causeWords(event.cause)))
    : state(event.to);

/** What is said of a host beside its state. */
export const marks = (host) => [
  host.alarms_firing > 0
    ? h(
        'a',
        {
          class: `mark alarm ${host.alarm_severity}`,
          href: alarmsAt(host.name),
          'data-link': true,
          title: t('The worst is {severity}', { severity: term('severity', host.alarm_severity) }),
        },
        alarmWords(host.alarms_firing),
      )
    : null,
  host.flapping
    ? h('span', { class: 'mark', title: t('It changes its state too often') }, t('flapping'))
    : null,
  host.state === 'degraded' && host.cause
    ? h('span', { class: 'mark', title: inWords(causeOf(host)) }, inWords(causeOf(host)))
    : null,
  host.unreachable_because
    ? h(
        'span',
        { class: 'mark', title: t('It is behind {host}, which fails', { host: host.unreachable_because }) },
        t('behind {host}', { host: host.unreachable_because }),
      )
    : null,
  host.paused_until_ms
    ? h(
        'span',
        { class: 'mark', title: t('Paused until {time}', { time: moment(host.paused_until_ms) }) },
        t('until {time}', { time: shortMoment(host.paused_until_ms) }),
      )
    : null,
];

/** The colours of the theme that were asked for since it is in force. */
const colours = new Map();
addEventListener('roundsman:theme', () => colours.clear());

/** The colour that a custom property of the theme has now, for what is drawn by hand. */
export function colour(name) {
  if (!colours.has(name)) {
    const element = document.createElement('i');
    element.style.color = `var(--${name})`;
    document.documentElement.append(element);
    colours.set(name, getComputedStyle(element).color);
    element.remove();
  }
  return colours.get(name);
}
