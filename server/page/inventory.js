// What is loaded, from where, and what was wrong with the last edit.

import { h, fill } from './dom.js';
import { moment } from './format.js';
import { get } from './api.js';

export function inventory(live) {
  const place = h('div', { class: 'card' });
  const element = h('div', {}, h('div', { class: 'card' }, h('h1', {}, 'Inventory')), place);
  let shown = '';
  async function load() {
    try {
      const said = await get('/api/v1/inventory');
      shown = String(said.hash);
      const facts = { File: said.source, Version: said.version, 'Content hash': said.hash, 'In force since': said.loaded_at_ms ? moment(said.loaded_at_ms) : null, Hosts: said.hosts, Groups: said.groups?.length };
      fill(place, said.error ? h('div', {}, h('h2', {}, 'The file as it is now is not in force'), h('pre', {}, said.error)) : null,
        h('dl', { class: 'facts' }, Object.entries(facts).filter(([, value]) => value !== null && value !== undefined).map(([key, value]) => h('div', {}, h('dt', {}, key), h('dd', {}, value)))),
        said.last_change ? h('div', {}, h('h2', {}, 'What the last reload changed'), h('p', {}, said.last_change)) : null,
        said.groups?.length ? h('div', { class: 'wide' }, h('h2', {}, 'Groups'), h('table', {}, h('thead', {}, h('tr', {}, ['Group', 'Hosts'].map((word) => h('th', { scope: 'col' }, word)))), h('tbody', {}, said.groups.map((group) => h('tr', {}, h('td', {}, h('a', { href: `/?q=${encodeURIComponent(`group=${group.name}`)}`, 'data-link': true }, group.name)), h('td', { class: 'num' }, group.hosts)))))) : null,
        said.text ? h('div', {}, h('h2', {}, 'The text in force'), h('pre', {}, said.text)) : null);
    } catch (error) {
      fill(place, h('p', { class: 'none' }, error.message));
    }
  }
  let before = live.server.inventory_error;
  const changed = () => { if (live.server.inventory_error !== before || !shown) { before = live.server.inventory_error; load(); } };
  live.addEventListener('change', changed);
  load();
  return { element, leave: () => live.removeEventListener('change', changed) };
}
