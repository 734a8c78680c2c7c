// Changes of state over the whole fleet, newest first. The address holds the filters.

import { arrange, became, h, link, state, titles } from './dom.js';
import { moment, told } from './format.js';
import { get } from './api.js';
import { latest } from './latest.js';
import { at, hostAt } from './place.js';
import { isPressed } from './press.js';
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
const USUAL = '-24h';

/** How often what happens on the live view has the list read again, ms. */
const AGAIN = 2000;
/** What the live view shows is in the store by then, ms: until then the list is read again. */
const SETTLES = 10_000;

function viewOf(search) {
  const asked = new URLSearchParams(search);
  const span = asked.get('span');
  return { to: asked.get('to') ?? '', text: asked.get('text') ?? '', span: SPANS[span] ? span : USUAL };
}

function searchOf({ to, text, span }) {
  const said = Object.entries({ to, text, span: span === USUAL ? '' : span }).filter(([, value]) => value);
  return said.length ? `?${new URLSearchParams(said)}` : '';
}

const hostLink = ({ host }) =>
  host === SERVER ? link(at('server'), 'the server') : link(hostAt(host), host);

function rowOf(event) {
  return h(
    'tr',
    {},
    h('td', { class: 'when' }, moment(event.at_ms)),
    h('td', {}, hostLink(event)),
    h('td', {}, state(event.from)),
    h('td', { class: 'to' }, became(event)),
    h('td', { class: 'words' }, told(event.reason)),
  );
}

/** What chooses the events; `changed` is called when others were chosen. */
function filters(view, changed) {
  const set = (key) => (event) => {
    view[key] = event.target.value;
    changed();
  };
  const choose = (key, label, options) => {
    const option = ([value, words]) => h('option', { value, selected: view[key] === value }, words);
    const select = h('select', { onchange: set(key) }, Object.entries(options).map(option));
    return h('label', { class: 'soft' }, `${label} `, select);
  };
  const search = h('input', {
    type: 'search',
    value: view.text,
    placeholder: 'Host or reason',
    'aria-label': 'Filter events',
    onchange: set('text'),
  });
  const states = { '': 'any state', ...Object.fromEntries(STATES.map((word) => [word, word])) };
  const choices = [choose('span', 'In', SPANS), choose('to', 'To', states)];
  return h('div', { class: 'card row' }, choices, h('div', { class: 'grow' }, search));
}

/** The rows that are shown, each of them once: two pages may overlap in a millisecond. */
function rowList() {
  const body = h('tbody');
  const table = h('table', { class: 'changes' }, titles(['When', 'Host', 'From', 'To', 'Why']), body);
  const element = h(
    'div',
    { class: 'wide', tabIndex: 0, role: 'region', 'aria-label': 'Changes of state' },
    table,
  );
  const keyOf = (event) => `${event.at_ms} ${event.host} ${event.from} ${event.to}`;
  let shown = new Map();
  return {
    element,
    /** Shows events in place of those before, or after them. */
    show(all, further) {
      const rows = all.map((event) => [keyOf(event), shown.get(keyOf(event)) ?? rowOf(event)]);
      shown = new Map([...(further ? shown : []), ...rows]);
      arrange(body, [...shown.values()]);
      element.hidden = shown.size === 0;
    },
  };
}

/** The list of events of a view, and how it is read. */
function listing(view) {
  const list = rowList();
  const words = h('p', { class: 'none', role: 'status', hidden: true });
  const older = h('button', { type: 'button', hidden: true, onclick: () => load(true) }, 'Older ones');
  const questions = latest();
  /** The oldest event that is shown; whether pages were turned back; when it was read. */
  const read = { oldest: null, turned: false, at: 0 };

  function show(page, further) {
    list.show(page.events, further);
    read.oldest = page.events.at(-1)?.at_ms ?? read.oldest;
    older.hidden = !page.more;
    words.textContent = 'Nothing changed.';
    words.hidden = !list.element.hidden;
  }

  async function load(further = false) {
    Object.assign(read, { at: Date.now(), turned: further });
    const to = further ? read.oldest + 1 : undefined;
    const isWanted = questions.ask(JSON.stringify([view, to]));
    try {
      const asked = { from: view.span, to, to_state: view.to, text: view.text, limit: PAGE };
      const page = await get('api/v1/events', asked);
      // Rows move when others come in: not while one is pressed.
      const put = () => !isPressed(put) && isWanted() && show(page, further);
      put();
    } catch (error) {
      if (!isWanted()) return;
      words.textContent = error.message;
      words.hidden = false;
    }
  }
  return { elements: [list.element, words, older], read, load, leave: () => questions.end() };
}

export function events(live) {
  const view = viewOf(location.search);
  const list = listing(view);
  const chosen = () => {
    history.replaceState(null, '', at(`events${searchOf(view)}`));
    list.load();
  };
  const element = h(
    'div',
    {},
    h('h1', {}, 'Events'),
    filters(view, chosen),
    h('div', { class: 'card' }, list.elements),
  );

  /** What events come of, as the live view has it; until when what it had last is not in the store yet. */
  const seen = () => `${live.moves} ${live.server.isolated_since_ms}`;
  // What happened just before may not be in the store yet, either.
  const last = { seen: seen(), settled: Date.now() + SETTLES };
  // What happens meanwhile comes in by itself, unless pages were turned back.
  const changed = () => {
    const now = Date.now();
    if (seen() !== last.seen) Object.assign(last, { seen: seen(), settled: now + SETTLES });
    if (!list.read.turned && now < last.settled && now - list.read.at > AGAIN) list.load();
  };
  live.addEventListener('change', changed);
  list.load();
  return {
    element,
    leave: () => {
      live.removeEventListener('change', changed);
      list.leave();
    },
  };
}
