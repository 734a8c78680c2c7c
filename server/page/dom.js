// Builds elements. Text goes in as text: what a probe says can never become markup.

import { moment, shortMoment } from './format.js';

/** An element; `props` are properties, `on*` handlers, `data-*`/`aria-*`/`role` attributes; children are nodes or text. */
export function h(tag, props = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(props)) {
    if (value === undefined || value === null || value === false) continue;
    if (name.startsWith('on')) element.addEventListener(name.slice(2), value);
    else if (/^(data-|aria-)/.test(name) || ['role', 'for', 'colspan', 'scope', 'list'].includes(name))
      element.setAttribute(name, value === true ? '' : value);
    else if (name === 'class') element.className = value;
    else element[name] = value;
  }
  element.append(
    ...children
      .flat()
      .filter((child) => child !== null && child !== undefined)
      .map((child) => (child instanceof Node ? child : String(child))),
  );
  return element;
}

/** Puts children in the place of those an element has. */
export const fill = (element, ...children) =>
  element.replaceChildren(
    ...children
      .flat()
      .filter((child) => child !== null && child !== undefined)
      .map((child) => (child instanceof Node ? child : document.createTextNode(String(child)))),
  );

/** A state with its colour and its word. */
export const state = (word) =>
  h('span', {}, h('span', { class: `dot ${word}`, 'aria-hidden': 'true' }), word);

/** What an event made of a host: a state, or a mark beside the one that it had. */
export const became = (event) =>
  event.from === event.to
    ? h(
        'span',
        {},
        state(event.to),
        h('span', { class: 'mark' }, event.cause === 'settled' ? 'not flapping any more' : event.cause),
      )
    : state(event.to);

/** What is said of a host beside its state. */
export const marks = (host) => [
  host.flapping ? h('span', { class: 'mark', title: 'It changes its state too often' }, 'flapping') : null,
  host.state === 'degraded' && host.cause
    ? h('span', { class: 'mark cause', title: host.cause }, host.cause)
    : null,
  host.unreachable_because
    ? h(
        'span',
        { class: 'mark', title: `It is behind ${host.unreachable_because}, which fails` },
        `behind ${host.unreachable_because}`,
      )
    : null,
  host.paused_until_ms
    ? h(
        'span',
        { class: 'mark', title: `Paused until ${moment(host.paused_until_ms)}` },
        `until ${shortMoment(host.paused_until_ms)}`,
      )
    : null,
];

/** The colour that a custom property of the theme has now. */
export const colour = (name) =>
  getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();
