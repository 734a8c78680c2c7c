// What is loaded, from where, what its last change did, and what is wrong with the file as it is now.

import { addButton } from './adding.js';
import { facts, h, link, renew, titles } from './dom.js';
import { bytes, moment } from './format.js';
import { get } from './api.js';
import { t, term, tp } from './i18n.js';
import { latest } from './latest.js';
import { at, hostAt } from './place.js';

const card = (title, ...inside) =>
  h('section', { class: 'card' }, h('header', {}, h('h2', {}, title)), h('div', { class: 'pad' }, ...inside));
const hostLink = (name) => link(hostAt(name), name);

/** What a change touched, one line per kind. */
function changed(change) {
  if (!change) return h('p', { class: 'soft' }, t('Nothing yet: it is the first since the server started'));
  const line = (words, { count, hosts }, each) => {
    if (count === 0) return null;
    const more = count > hosts.length ? t(' and {n} more', { n: count - hosts.length }) : '';
    const names = hosts.flatMap((host, position) => [position ? t(', ') : '', ...each(host)]);
    return h('li', {}, h('b', {}, `${count} ${words}${t(': ')}`), names, more);
  };
  const lines = [
    line(t('added'), change.added, (name) => [hostLink(name)]),
    line(t('taken out'), change.retired, (name) => [hostLink(name)]),
    line(t('renamed'), change.renamed, ({ from, to }) => tp('{from} to {to}', { from, to: hostLink(to) })),
    line(t('changed'), change.changed, ({ name, what }) =>
      tp('{host} ({fields})', {
        host: hostLink(name),
        fields: what.map((one) => term('host_change', one)).join(t(', ')),
      }),
    ),
  ].filter(Boolean);
  return lines.length
    ? h('ul', {}, lines, h('li', {}, t('{n} as they were', { n: change.unchanged })))
    : h('p', {}, t('No host is different; {n} are as they were.', { n: change.unchanged }));
}

function groups(all) {
  const groupLink = (name) => link(at(`?${new URLSearchParams({ group: name })}`), name);
  const row = ({ name, hosts }) => {
    const cell = h('td', {}, name === null ? t('without a group') : groupLink(name));
    return h('tr', {}, cell, h('td', { class: 'num' }, hosts));
  };
  return h(
    'table',
    { class: 'narrow' },
    titles([t('Group'), `#${t('Hosts')}`]),
    h('tbody', {}, all.map(row)),
  );
}

function factsOf(said) {
  const all = {
    [t('File')]: said.source,
    [t('Version')]: said.version,
    [t('Content hash')]: said.hash && h('span', { title: said.hash }, said.hash.slice(0, 16)),
    [t('In force since')]: moment(said.loaded_at_ms),
    [t('Hosts')]: said.hosts,
    [t('Groups')]: said.groups.filter(({ name }) => name !== null).length,
  };
  return Object.entries(all).filter(([, value]) => value !== null);
}

/** The file's text, or the beginning of a long one. */
function file({ text, text_bytes: size }) {
  if (text === null) return null;
  const isCut = size > new TextEncoder().encode(text).length;
  const title = isCut
    ? t('The file, its beginning; all of it has {size}', { size: bytes(size) })
    : t('The file');
  const props = { class: 'scroll short', tabIndex: 0, role: 'region', 'aria-label': t('The file') };
  return card(title, h('pre', props, text));
}

const cards = (said) => [
  said.error ? card(t('The file is not in force'), h('pre', { tabIndex: 0 }, said.error)) : null,
  card(t('In force'), facts(factsOf(said))),
  card(t('Last change'), changed(said.change)),
  card(t('Groups'), groups(said.groups)),
  file(said),
];

export function inventory(live) {
  const place = h('div', { class: 'stack' });
  const element = h(
    'div',
    { class: 'page' },
    h('div', { class: 'title' }, h('h1', {}, t('Inventory')), h('span', { class: 'sp' }), addButton(live)),
    place,
  );
  const questions = latest();
  async function load() {
    const isWanted = questions.ask();
    const shown = await get('api/v1/inventory').then(cards, (error) => [
      h('p', { class: 'none' }, error.message),
    ]);
    if (isWanted()) renew(place, shown);
  }
  const seen = () =>
    JSON.stringify([live.server.inventory_error, live.server.inventory_version, live.hosts.size]);
  let before = seen();
  const look = () => {
    if (seen() === before) return;
    before = seen();
    load();
  };
  live.addEventListener('change', look);
  load();
  return {
    element,
    leave: () => {
      live.removeEventListener('change', look);
      questions.end();
    },
  };
}
