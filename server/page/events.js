// Changes of state over the whole fleet, newest first. The address holds the filters.

import { became, h, fill, state } from './dom.js';
import { moment } from './format.js';
import { get } from './api.js';
import { at, hostAt } from './place.js';
import { STATES } from './live.js';

const PAGE = 200;
/** What the server itself is called in rows. */
const SERVER = 'roundsman:server';
const SPANS = {
  '-1h': 'the last hour',
  '-24h': 'the last day',
  '-7d': 'the last week',
  '-30d': 'the last 30 days',
};

/** How often what happens on the live view has the list read again, ms. */
const AGAIN = 2000;
/** What the live view shows is in the store by then, ms: until then the list is read again. */
const SETTLES = 10_000;

export function events(live) {
  const asked = new URLSearchParams(location.search);
  const view = {
    to: asked.get('to') ?? '',
    text: asked.get('text') ?? '',
    span: SPANS[asked.get('span')] ? asked.get('span') : '-24h',
  };
  const rows = h('tbody');
  const table = h(
    'table',
    { class: 'changes' },
    h(
      'thead',
      {},
      h(
        'tr',
        {},
        ['When', 'Host', 'From', 'To', 'Why'].map((word) => h('th', { scope: 'col' }, word)),
      ),
    ),
    rows,
  );
  const list = h(
    'div',
    { class: 'wide', tabIndex: 0, role: 'region', 'aria-label': 'Changes of state' },
    table,
  );
  const words = h('p', { class: 'none', role: 'status', hidden: true });
  const older = h('button', { type: 'button', hidden: true, onclick: () => load(true) }, 'Older ones');
  const choose = (key, label, options) =>
    h(
      'label',
      { class: 'soft' },
      `${label} `,
      h(
        'select',
        {
          onchange: (event) => {
            view[key] = event.target.value;
            load();
          },
        },
        Object.entries(options).map(([value, said]) =>
          h('option', { value, selected: view[key] === value }, said),
        ),
      ),
    );
  const element = h(
    'div',
    {},
    h('h1', {}, 'Events'),
    h(
      'div',
      { class: 'card row' },
      choose('span', 'In', SPANS),
      choose('to', 'To', { '': 'any state', ...Object.fromEntries(STATES.map((word) => [word, word])) }),
      h(
        'div',
        { class: 'grow' },
        h('input', {
          type: 'search',
          value: view.text,
          placeholder: 'Host or reason',
          'aria-label': 'Filter events',
          onchange: (event) => {
            view.text = event.target.value;
            load();
          },
        }),
      ),
    ),
    h('div', { class: 'card' }, list, words, older),
  );

  const whose = ({ host }) =>
    host === SERVER
      ? h('a', { href: at('server'), 'data-link': true }, 'the server')
      : h('a', { href: hostAt(host), 'data-link': true }, host);
  const row = (event) =>
    h(
      'tr',
      {},
      h('td', { class: 'when' }, moment(event.at_ms)),
      h('td', {}, whose(event)),
      h('td', {}, state(event.from)),
      h('td', { class: 'to' }, became(event)),
      h('td', { class: 'words' }, event.reason),
    );
  const keyOf = (event) => `${event.at_ms} ${event.host} ${event.from} ${event.to}`;
  /** Rows that are shown, by what they are about: two pages may overlap in a millisecond. */
  let shown = new Map();
  /** What events come of, as the live view has it. */
  const seen = () => `${live.moves} ${live.server.isolated_since_ms}`;
  let [oldest, turned, loaded, moves, settled, questions] = [null, false, 0, seen(), 0, 0];

  /** Only the answer to the newest question is shown: answers overtake each other. */
  async function load(further = false) {
    const mine = ++questions;
    const said = new URLSearchParams(
      Object.entries({ to: view.to, text: view.text, span: view.span === '-24h' ? '' : view.span }).filter(
        ([, value]) => value,
      ),
    );
    history.replaceState(null, '', at(said.size ? `events?${said}` : 'events'));
    [loaded, turned] = [Date.now(), further];
    try {
      const page = await get('api/v1/events', {
        from: view.span,
        to: further ? oldest + 1 : undefined,
        to_state: view.to,
        text: view.text,
        limit: PAGE,
      });
      if (mine !== questions) return;
      const before = shown;
      shown = new Map([
        ...(further ? before : []),
        ...page.events.map((event) => [keyOf(event), before.get(keyOf(event)) ?? row(event)]),
      ]);
      fill(rows, [...shown.values()]);
      oldest = page.events.at(-1)?.at_ms ?? oldest;
      older.hidden = !page.more;
      words.textContent = 'Nothing changed.';
      list.hidden = shown.size === 0;
      words.hidden = !list.hidden;
    } catch (error) {
      if (mine !== questions) return;
      words.textContent = error.message;
      words.hidden = false;
    }
  }
  // What happens meanwhile comes in by itself, unless somebody has turned back the pages.
  const changed = () => {
    const now = Date.now();
    if (seen() !== moves) [moves, settled] = [seen(), now + SETTLES];
    if (!turned && now < settled && now - loaded > AGAIN) load();
  };
  live.addEventListener('change', changed);
  load();
  return { element, leave: () => live.removeEventListener('change', changed) };
}
