// Changes of state over the whole fleet, newest first. The address holds the filters.

import { h, fill, state } from './dom.js';
import { moment } from './format.js';
import { get } from './api.js';
import { STATES } from './live.js';

const PAGE = 200;
const SPANS = { '-1h': 'the last hour', '-24h': 'the last day', '-7d': 'the last week', '-30d': 'the last 30 days' };

export function events() {
  const asked = new URLSearchParams(location.search);
  const view = { to: asked.get('to') ?? '', text: asked.get('text') ?? '', span: SPANS[asked.get('span')] ? asked.get('span') : '-24h' };
  const list = h('div', { class: 'wide', tabIndex: 0, role: 'region', 'aria-label': 'Changes of state' });
  const choose = (key, label, options) => h('label', { class: 'soft' }, `${label} `, h('select', { onchange: (event) => { view[key] = event.target.value; load(); } }, Object.entries(options).map(([value, words]) => h('option', { value, selected: view[key] === value }, words))));
  const element = h('div', {}, h('div', { class: 'card row' }, h('h1', {}, 'Events'),
    choose('span', 'In', SPANS), choose('to', 'To', { '': 'any state', ...Object.fromEntries(STATES.map((word) => [word, word])) }),
    h('div', { class: 'grow' }, h('input', { type: 'search', value: view.text, placeholder: 'Host or reason', 'aria-label': 'Filter events', onchange: (event) => { view.text = event.target.value; load(); } }))),
  h('div', { class: 'card' }, list));

  async function load() {
    const said = new URLSearchParams(Object.entries({ to: view.to, text: view.text, span: view.span === '-24h' ? '' : view.span }).filter(([, value]) => value));
    history.replaceState(null, '', said.size ? `/events?${said}` : '/events');
    try {
      const page = await get('/api/v1/events', { from: view.span, to_state: view.to, text: view.text, limit: PAGE });
      fill(list, page.events.length === 0 ? h('p', { class: 'none' }, 'Nothing changed.') : h('table', {},
        h('thead', {}, h('tr', {}, ['When', 'Host', 'From', 'To', 'Why'].map((word) => h('th', { scope: 'col' }, word)))),
        h('tbody', {}, page.events.map((event) => h('tr', {}, h('td', {}, moment(event.at_ms)), h('td', {}, h('a', { href: `/hosts/${encodeURIComponent(event.host)}`, 'data-link': true }, event.host)), h('td', {}, state(event.from)), h('td', {}, state(event.to)), h('td', { class: 'words' }, event.reason))))),
      page.more ? h('p', { class: 'soft' }, `The newest ${PAGE} are shown; narrow the filter for others.`) : null);
    } catch (error) {
      fill(list, h('p', { class: 'none' }, error.message));
    }
  }
  load();
  return { element };
}
