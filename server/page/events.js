// Changes of state over the whole fleet, newest first. The address holds the filters.

import { became, h, hostLink, icon, state } from './dom.js';
import { moment, told } from './format.js';
import { get } from './api.js';
import { t, term } from './i18n.js';
import { listing } from './listing.js';
import { STATES } from './live.js';
import { at } from './place.js';

const PAGE = 200;
export const SPANS = {
  '-1h': t('the last hour'),
  '-24h': t('the last day'),
  '-7d': t('the last week'),
  '-30d': t('the last 30 days'),
};
export const USUAL = '-24h';

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

function rowOf(event) {
  return h(
    'tr',
    {},
    h('td', { class: 'when' }, moment(event.at_ms)),
    h('td', {}, hostLink(event.host)),
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
    return h('label', {}, label, select);
  };
  const search = h('input', {
    type: 'search',
    value: view.text,
    placeholder: t('Host or reason'),
    'aria-label': t('Filter events'),
    onchange: set('text'),
  });
  const states = {
    '': t('any state'),
    ...Object.fromEntries(STATES.map((word) => [word, term('state', word)])),
  };
  const choices = [choose('span', t('In|a time'), SPANS), choose('to', t('To|a state'), states)];
  return h('div', { class: 'filters' }, choices, h('label', { class: 'field' }, icon('filter'), search));
}

/** The list of events of a view. */
const list = (view) =>
  listing({
    label: t('Changes of state'),
    columns: [t('When'), t('Host'), t('From|a state'), t('To|a state'), t('Why')],
    keyOf: (event) => `${event.at_ms} ${event.host} ${event.from} ${event.to}`,
    rowOf,
    at: (event) => event.at_ms,
    none: t('No change in this period'),
    about: () => view,
    ask: (to) =>
      get('api/v1/events', { from: view.span, to, to_state: view.to, text: view.text, limit: PAGE }),
  });

export function events(live) {
  const view = viewOf(location.search);
  const rows = list(view);
  const chosen = () => {
    history.replaceState(null, '', at(`events${searchOf(view)}`));
    rows.load();
  };
  const toAvailability = h(
    'a',
    { class: 'btn', href: at('availability'), 'data-link': true },
    t('Availability'),
  );
  const element = h(
    'div',
    { class: 'page' },
    h(
      'div',
      { class: 'title' },
      h('h1', {}, t('Events')),
      toAvailability,
      h('span', { class: 'sp' }),
      filters(view, chosen),
    ),
    h('section', { class: 'card list-card' }, rows.elements),
  );

  /** What events come of, as the live view has it; until when what it had last is not in the store yet. */
  const seen = () => `${live.moves} ${live.server.isolated_since_ms}`;
  // What happened just before may not be in the store yet, either.
  const last = { seen: seen(), settled: Date.now() + SETTLES };
  // What happens meanwhile comes in by itself, unless pages were turned back.
  const changed = () => {
    const now = Date.now();
    if (seen() !== last.seen) Object.assign(last, { seen: seen(), settled: now + SETTLES });
    if (!rows.read.turned && now < last.settled && now - rows.read.at > AGAIN) rows.load();
  };
  live.addEventListener('change', changed);
  rows.load();
  return {
    element,
    leave: () => {
      live.removeEventListener('change', changed);
      rows.leave();
    },
  };
}
