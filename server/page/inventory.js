// What is loaded, from where, what its last change did, and what is wrong with the file as it is now.

import { h, fill } from './dom.js';
import { bytes, moment } from './format.js';
import { get } from './api.js';
import { at, hostAt } from './place.js';

const card = (title, ...inside) => h('section', { class: 'card' }, h('h2', {}, title), ...inside);
const link = (name) => h('a', { href: hostAt(name), 'data-link': true }, name);

/** What a change touched, one line per kind. */
function changed(change) {
  if (!change) return h('p', { class: 'soft' }, 'Nothing yet: it is the first since the server started.');
  const line = (words, { count, hosts }, each) => {
    if (count === 0) return null;
    const more = count > hosts.length ? ` and ${count - hosts.length} more` : '';
    return h(
      'li',
      {},
      h('b', {}, `${count} ${words}: `),
      hosts.flatMap((host, position) => [position ? ', ' : '', ...each(host)]),
      more,
    );
  };
  const lines = [
    line('added', change.added, (name) => [link(name)]),
    line('taken out', change.retired, (name) => [link(name)]),
    line('renamed', change.renamed, ({ from, to }) => [`${from} to `, link(to)]),
    line('changed', change.changed, ({ name, what }) => [link(name), ` (${what.join(', ')})`]),
  ].filter(Boolean);
  return lines.length
    ? h('ul', {}, lines, h('li', {}, `${change.unchanged} as they were`))
    : h('p', {}, `No host is different; ${change.unchanged} are as they were.`);
}

function groups(all) {
  const row = ({ name, hosts }) =>
    h(
      'tr',
      {},
      h(
        'td',
        {},
        name === null
          ? 'without a group'
          : h('a', { href: at(`?${new URLSearchParams({ group: name })}`), 'data-link': true }, name),
      ),
      h('td', { class: 'num' }, hosts),
    );
  return h(
    'table',
    { class: 'narrow' },
    h(
      'thead',
      {},
      h('tr', {}, h('th', { scope: 'col' }, 'Group'), h('th', { scope: 'col', class: 'num' }, 'Hosts')),
    ),
    h('tbody', {}, all.map(row)),
  );
}

export function inventory(live) {
  const place = h('div', {});
  const element = h('div', {}, h('h1', {}, 'Inventory'), place);
  async function load() {
    try {
      const said = await get('api/v1/inventory');
      const facts = {
        File: said.source,
        Version: said.version,
        'Content hash': said.hash && h('span', { title: said.hash }, said.hash.slice(0, 16)),
        'In force since': moment(said.loaded_at_ms),
        Hosts: said.hosts,
        Groups: said.groups.filter(({ name }) => name !== null).length,
      };
      const cut = said.text !== null && said.text_bytes > new TextEncoder().encode(said.text).length;
      fill(
        place,
        said.error
          ? card('The file as it is now is not in force', h('pre', { tabIndex: 0 }, said.error))
          : null,
        card(
          'In force',
          h(
            'dl',
            { class: 'facts' },
            Object.entries(facts)
              .filter(([, value]) => value !== null)
              .map(([key, value]) => h('div', {}, h('dt', {}, key), h('dd', {}, value))),
          ),
        ),
        card('What it changed when it came into force', changed(said.change)),
        card('Groups', groups(said.groups)),
        said.text === null
          ? null
          : card(
              cut ? `The file, its beginning; all of it has ${bytes(said.text_bytes)}` : 'The file',
              h(
                'pre',
                { class: 'scroll short', tabIndex: 0, role: 'region', 'aria-label': 'The file' },
                said.text,
              ),
            ),
      );
    } catch (error) {
      fill(place, h('p', { class: 'none' }, error.message));
    }
  }
  const words = () =>
    JSON.stringify([live.server.inventory_error, live.server.inventory_version, live.hosts.size]);
  let before = words();
  const look = () => {
    if (words() !== before) {
      before = words();
      load();
    }
  };
  live.addEventListener('change', look);
  load();
  return { element, leave: () => live.removeEventListener('change', look) };
}
