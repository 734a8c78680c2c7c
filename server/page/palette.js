// The palette: hosts, groups, views and what can be done, found by some letters and chosen by keys.

import { addHost } from './adding.js';
import { annotate } from './annotations.js';
import { hostPath, post } from './api.js';
import { USUAL } from './catalogue.js';
import { copy } from './charttools.js';
import { addressOf, groupAt } from './comparing.js';
import { silence } from './deeds.js';
import { mayOperate } from './me.js';
import { stateWords } from './dom.js';
import { find, fits } from './finder.js';
import { NATURAL, percent } from './format.js';
import { changeLanguage, otherLanguage, t } from './i18n.js';
import { STATES } from './live.js';
import { boardAt, boardsKnown, readBoards } from './pin.js';
import { at, hostAt, named as pathOf } from './place.js';
import { matches } from './view.js';
import { causeOf, faultOf, outcomeWords } from './words.js';
import { inWords } from './sentences.js';

/** Entries of a kind that are shown at most. */
const MOST = { hosts: 6, groups: 3, views: 6 };

const leadsTo = (name, words, path, hint = '') => ({ icon: name, words, address: at(path), hint });

/** Where one can go, whatever the fleet is; a hint are the keys that lead there. */
export const VIEWS = [
  leadsTo('fleet', t('Fleet'), '', 'G F'),
  leadsTo('bell', t('Alerts'), 'alerts', 'G A'),
  leadsTo('board', t('Boards'), 'boards', 'G B'),
  leadsTo('compare', t('Compare hosts'), 'compare', 'G C'),
  leadsTo('compare', t('Top hosts'), 'compare?top=10', 'G T'),
  leadsTo('gauge', t('Availability and traffic'), 'availability', 'G V'),
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
  leadsTo('expand', t('Wall of boards'), 'boards?wall=1'),
  ...USUAL.map(({ column, name }) => ({
    icon: 'compare',
    words: t('Top hosts: {column}', { column: name }),
    more: column,
    address: addressOf({ column, top: 10 }),
  })),
];

/** What of the server the address names. */
const here = () => pathOf(location.pathname);

/** What is said of a host behind its name. */
function about(host) {
  const cause =
    STATES.indexOf(host.state) < 2 ? faultOf(host) : inWords(causeOf(host)) || stateWords(host.state);
  const now = host.state === 'up' ? `CPU ${percent(host.cpu_busy_pct)}` : cause;
  return [host.group, host.address, now].filter(Boolean).join(' · ');
}

/** The hosts that are meant: the one of that name, those whose name begins so, those in trouble, then by name. */
function hostsOf(live, typed) {
  const words = typed.split(/\s+/).filter(Boolean);
  const low = typed.toLowerCase();
  const rank = ({ name, state }) => {
    const begins = name.toLowerCase().startsWith(low) ? 1 : 2;
    return [name.toLowerCase() === low ? 0 : begins, STATES.indexOf(state)];
  };
  return [...live.hosts.values()]
    .filter((host) => matches(host, words) || (low && host.address?.includes(low)))
    .map((host) => [rank(host), host])
    .sort(([a], [b]) => a[0] - b[0] || a[1] - b[1])
    .map(([, host]) => host);
}

/** What can be done with a host. */
function deeds(host, tell) {
  if (!mayOperate()) return [];
  const poll = async () => {
    tell(t('Polling {host}…', { host: host.name }));
    const { outcome } = await post(`${hostPath(host.name)}/poll`, {});
    return `${host.name}${t(': ')}${outcomeWords(outcome)}`;
  };
  const query = (pairs) => `?${new URLSearchParams(pairs)}`;
  // Once the palette is closed.
  const quiet = () => void setTimeout(() => silence({ host: host.name }, () => {}));
  const note = () => void setTimeout(() => annotate({ hosts: [host.name], group: host.group }));
  return [
    { icon: 'poll', words: t('Poll now'), act: poll },
    { icon: 'bell-off', words: t('Silence…'), act: quiet },
    { icon: 'deploy', words: t('Annotate…'), act: note },
    leadsTo('bell', t('Show its alerts'), `alerts${query({ host: host.name })}`),
    ...(host.group ? [{ icon: 'compare', words: t('Compare its group'), address: groupAt(host.group) }] : []),
    leadsTo('events', t('Show its events'), `events${query({ text: host.name })}`),
    ...(host.group
      ? [leadsTo('filter', t('Show only group {group}', { group: host.group }), query({ group: host.group }))]
      : []),
  ];
}

/** What can be done with the host that is named among what was typed, as the other words say; or none. */
function namedDeeds(live, typed, tell) {
  const words = typed.toLowerCase().split(/\s+/);
  const host = [...live.hosts.values()].find(({ name }) => words.includes(name.toLowerCase()));
  const rest = words.filter((word) => word !== host?.name.toLowerCase()).join(' ');
  const some = host ? deeds(host, tell).filter((deed) => fits(deed.words, rest)) : [];
  return [t('Actions on {host}', { host: host?.name }), some];
}

/** Everything that fits to what was typed, by sections. */
function sectionsOf(live, typed, own, tell) {
  const low = typed.toLowerCase();
  const isMeant = ({ words, more = '' }) => fits(`${words} ${more}`, typed);
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
    .flatMap((group) => [
      leadsTo('fleet', group, `?${new URLSearchParams({ group })}`),
      { icon: 'compare', words: t('Compare group {group}', { group }), address: groupAt(group) },
    ])
    .filter((entry) => low && isMeant(entry))
    .slice(0, 2 * MOST.groups);
  const known = boardsKnown().map(({ name, title }) => ({
    icon: 'board',
    words: title ?? name,
    more: title ? name : '',
    address: boardAt(name),
  }));
  // Without a word there is the host of the page that is open, or none.
  const open = /^hosts\/([^/]+)$/.exec(here());
  const chosen = typed ? found[0] : live.hosts.get(open && decodeURIComponent(open[1]));
  return [
    [`${t('Hosts')} · ${found.length}`, some],
    [t('Groups'), byGroup],
    chosen || !typed
      ? [t('Actions on {host}', { host: chosen?.name }), chosen ? deeds(chosen, tell) : []]
      : namedDeeds(live, typed, tell),
    [t('Boards'), known.filter((entry) => low && isMeant(entry)).slice(0, MOST.views)],
    [t('Go to'), VIEWS.filter(isMeant).slice(0, MOST.views)],
    [t('This page'), own.filter((entry) => isMeant(entry) && (!entry.isDeed || mayOperate()))],
  ].filter(([, entries]) => entries.length);
}

/** What opens the palette; what it can do to the page itself is handed over. */
export function palette(live, { theme, density, zone, hold, help }) {
  const link = async () => {
    await copy(location.href);
    return t('The link to this page is copied');
  };
  const own = [
    {
      icon: 'deploy',
      words: t('Annotate…'),
      isDeed: true,
      act: () => void setTimeout(() => annotate({})),
    },
    { icon: 'link', words: t('Copy link'), act: link },
    // Once the palette is closed.
    { icon: 'plus', words: t('Add host…'), act: () => void setTimeout(() => addHost(live)) },
    { icon: 'auto', words: t('Theme: auto, light, dark'), hint: 'T', act: theme },
    { icon: 'clock', words: t('Times: this browser, UTC'), hint: 'U', act: zone },
    { icon: 'pause', words: t('Live: on, off'), hint: 'L', act: hold },
    { icon: 'dense', words: t('Density: comfortable, compact'), hint: 'D', act: () => density() },
    {
      icon: 'user',
      words: t('Language: {language}', { language: otherLanguage().name }),
      act: changeLanguage,
    },
    { icon: 'keys', words: t('Keys'), hint: '?', act: help },
  ];
  return () => {
    // Those that are new are there the next time.
    readBoards().catch(() => {});
    find({
      label: t('Find'),
      placeholder: t('Host, group, rack=a1, page or action'),
      sections: (typed, tell) => sectionsOf(live, typed, own, tell),
    });
  };
}
