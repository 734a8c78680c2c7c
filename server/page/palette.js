// The palette: hosts, groups, views and what can be done, found by some letters and chosen by keys.

import { glyph, h, fill, icon, stateWords } from './dom.js';
import { hostPath, post } from './api.js';
import { NATURAL, percent } from './format.js';
import { changeLanguage, otherLanguage, t } from './i18n.js';
import { STATES } from './live.js';
import { at, hostAt, named as pathOf } from './place.js';
import { matches } from './view.js';
import { faultOf, outcomeWords } from './words.js';

/** Entries of a kind that are shown at most. */
const MOST = { hosts: 6, groups: 3, views: 6 };

const go = (address) => dispatchEvent(new CustomEvent('roundsman:go', { detail: address }));
const leadsTo = (name, words, path, hint = '') => ({ icon: name, words, address: at(path), hint });

/** Where one can go, whatever the fleet is. */
const VIEWS = [
  leadsTo('fleet', t('Fleet'), '', 'G F'),
  leadsTo('bell', t('Alerts'), 'alerts', 'G A'),
  leadsTo('events', t('Events'), 'events', 'G E'),
  leadsTo('inventory', t('Inventory'), 'inventory', 'G I'),
  leadsTo('server', t('Server'), 'server', 'G S'),
  leadsTo('down', t('Hosts that are down'), '?state=down'),
  leadsTo('degraded', t('Hosts that are degraded'), '?state=degraded'),
  leadsTo('cpu', t('Hosts by CPU'), '?sort=cpu&colour=cpu'),
  leadsTo('memory', t('Hosts by memory'), '?sort=memory&colour=memory'),
  leadsTo('disk', t('Hosts by disk'), '?sort=disk&colour=disk'),
  leadsTo('disk', t('Map by how busy disks are'), '?colour=busy'),
  leadsTo('gauge', t('Map by pressure'), '?colour=pressure'),
  leadsTo('expand', t('Wall'), '?wall'),
];

/** What of the server the address names. */
const here = () => pathOf(location.pathname);

/** Words with what was typed marked in them. */
function marked(words, typed) {
  const begin = typed ? words.toLowerCase().indexOf(typed.toLowerCase()) : -1;
  if (begin < 0) return [words];
  const end = begin + typed.length;
  return [words.slice(0, begin), h('mark', {}, words.slice(begin, end)), words.slice(end)];
}

/** What is said of a host behind its name. */
function about(host) {
  const cause = STATES.indexOf(host.state) < 2 ? faultOf(host) : (host.cause ?? stateWords(host.state));
  const now = host.state === 'up' ? `CPU ${percent(host.cpu_busy_pct)}` : cause;
  return [host.group, host.address, now].filter(Boolean).join(' · ');
}

/** The hosts that are meant: those whose name begins so, those in trouble, then by name. */
function hostsOf(live, typed) {
  const words = typed.split(/\s+/).filter(Boolean);
  const low = typed.toLowerCase();
  const rank = (host) => [host.name.toLowerCase().startsWith(low) ? 0 : 1, STATES.indexOf(host.state)];
  return [...live.hosts.values()]
    .filter((host) => matches(host, words) || (low && host.address?.includes(low)))
    .map((host) => [rank(host), host])
    .sort(([a, one], [b, other]) => a[0] - b[0] || a[1] - b[1] || NATURAL.compare(one.name, other.name))
    .map(([, host]) => host);
}

/** What can be done with a host. */
function deeds(host, tell) {
  const poll = async () => {
    tell(t('Polling {host}…', { host: host.name }));
    const { outcome } = await post(`${hostPath(host.name)}/poll`, {});
    return `${host.name}${t(': ')}${outcomeWords(outcome)}`;
  };
  const query = (pairs) => `?${new URLSearchParams(pairs)}`;
  return [
    { icon: 'poll', words: t('Poll now'), act: poll },
    leadsTo('bell', t('Show its alerts'), `alerts${query({ host: host.name })}`),
    leadsTo('events', t('Show its events'), `events${query({ text: host.name })}`),
    ...(host.group
      ? [leadsTo('filter', t('Show only group {group}', { group: host.group }), query({ group: host.group }))]
      : []),
  ];
}

/** Everything that fits to what was typed, by sections. */
function sectionsOf(live, typed, own, tell) {
  const low = typed.toLowerCase();
  const fits = ({ words }) => words.toLowerCase().includes(low);
  const found = hostsOf(live, typed);
  const some = found.slice(0, MOST.hosts).map((host) => ({
    state: host.state,
    words: host.name,
    more: about(host),
    address: hostAt(host.name),
    host,
  }));
  const groups = [...new Set([...live.hosts.values()].map((host) => host.group).filter(Boolean))];
  const byGroup = groups
    .sort(NATURAL.compare)
    .map((group) => leadsTo('fleet', group, `?${new URLSearchParams({ group })}`))
    .filter((one) => low && fits(one));
  // Without a word there is the host of the page that is open, or none.
  const open = /^hosts\/([^/]+)$/.exec(here());
  const chosen = typed ? found[0] : live.hosts.get(open && decodeURIComponent(open[1]));
  return [
    [`${t('Hosts')} · ${found.length}`, some],
    [t('Groups'), byGroup.slice(0, MOST.groups)],
    [t('Actions on {host}', { host: chosen?.name }), chosen ? deeds(chosen, tell) : []],
    [t('Go to'), VIEWS.filter(fits).slice(0, MOST.views)],
    [t('This page'), own.filter(fits)],
  ].filter(([, entries]) => entries.length);
}

function entryOf(entry, typed, number) {
  return h(
    'li',
    { role: 'option', id: `found-${number}`, 'aria-selected': 'false' },
    entry.state ? glyph(entry.state) : icon(entry.icon),
    h(
      'span',
      { class: 'words' },
      marked(entry.words, typed),
      ' ',
      h('span', { class: 'm' }, entry.more ?? ''),
    ),
    h(
      'span',
      {},
      (entry.hint ?? '').split(' ').map((key) => key && h('kbd', {}, key)),
    ),
  );
}

/** The field, the list below it, and what is told at its foot. */
function elements() {
  const input = h('input', {
    type: 'search',
    role: 'combobox',
    autocomplete: 'off',
    spellcheck: false,
    placeholder: t('Host, group, rack=a1, page or action'),
    'aria-label': t('Find'),
    'aria-expanded': 'true',
    'aria-controls': 'found',
  });
  const list = h('div', { id: 'found', role: 'listbox', 'aria-label': t('Found') });
  const told = h('p', { role: 'status' });
  const key = (name, words) => h('span', {}, h('kbd', {}, name), ` ${words}`);
  const keys = [key('↑ ↓', t('choose')), key('Enter', t('open')), key('Ctrl Enter', t('new tab'))];
  const head = h('label', { class: 'q' }, icon('search'), input, h('kbd', {}, 'Esc'));
  const props = { class: 'palette', 'aria-label': t('Find') };
  const dialog = h('dialog', props, head, list, h('footer', {}, keys, told));
  return { dialog, input, list, told };
}

/** The dialog: what is typed, what is found, which of it is chosen. */
function dialogOf(live, own) {
  const { dialog, input, list, told } = elements();
  const tell = (words) => {
    told.textContent = words;
  };
  let all = [];
  let chosen = 0;
  function choose(number) {
    all[chosen]?.element.setAttribute('aria-selected', 'false');
    chosen = (number + all.length) % Math.max(1, all.length);
    const { element } = all[chosen] ?? {};
    element?.setAttribute('aria-selected', 'true');
    element?.scrollIntoView({ block: 'nearest' });
    input.setAttribute('aria-activedescendant', element?.id ?? '');
  }
  function act({ address, act: deed }, isApart) {
    if (address && isApart) open(address, '_blank', 'noopener');
    else if (address) {
      dialog.close();
      go(address);
    } else if (deed) {
      const done = (words) => (words ? tell(words) : dialog.close());
      Promise.resolve(deed()).then(done, (error) => tell(error.message));
    }
  }
  function draw() {
    const typed = input.value.trim();
    all = [];
    const sections = sectionsOf(live, typed, own, tell).map(([title, entries]) => {
      const rows = entries.map((entry) => {
        const element = entryOf(entry, typed, all.length);
        element.addEventListener('click', (event) => act(entry, event.ctrlKey || event.metaKey));
        all.push({ entry, element });
        return element;
      });
      return h('ul', { role: 'group', 'aria-label': title }, h('h3', { 'aria-hidden': 'true' }, title), rows);
    });
    fill(
      list,
      sections.length ? sections : h('p', { class: 'none' }, t('Nothing matches "{typed}"', { typed })),
    );
    choose(0);
  }
  const steps = { ArrowDown: 1, ArrowUp: -1 };
  input.addEventListener('input', draw);
  input.addEventListener('keydown', (event) => {
    // Of a search field the key would empty the field at first.
    if (event.key === 'Escape') dialog.close();
    else if (steps[event.key]) choose(chosen + steps[event.key]);
    else if (event.key === 'Enter' && all[chosen]) act(all[chosen].entry, event.ctrlKey || event.metaKey);
    else return;
    event.preventDefault();
  });
  dialog.addEventListener('click', (event) => event.target === dialog && dialog.close());
  draw();
  return { dialog, input };
}

/** What opens the palette; what it can do to the page itself is handed over. */
export function palette(live, { theme, density, help }) {
  const own = [
    { icon: 'auto', words: t('Theme: auto, light, dark'), hint: 'T', act: theme },
    { icon: 'dense', words: t('Density: comfortable, compact'), hint: 'D', act: () => density() },
    {
      icon: 'user',
      words: t('Language: {language}', { language: otherLanguage().name }),
      act: changeLanguage,
    },
    { icon: 'keys', words: t('Keys'), hint: '?', act: help },
  ];
  return () => {
    if (document.querySelector('dialog[open]')) return;
    const { dialog, input } = dialogOf(live, own);
    dialog.addEventListener('close', () => dialog.remove());
    document.body.append(dialog);
    dialog.showModal();
    input.focus();
  };
}
