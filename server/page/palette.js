// The palette: hosts, groups, views and what can be done, found by some letters and chosen by keys.

import { USUAL } from './catalogue.js';
import { addressOf, groupAt } from './comparing.js';
import { hostPath, post } from './api.js';
import { find, fits } from './finder.js';
import { NATURAL, percent, sentence } from './format.js';
import { STATES } from './live.js';
import { at, hostAt, named as pathOf } from './place.js';
import { matches } from './view.js';
import { faultOf, outcomeWords } from './words.js';

/** Entries of a kind that are shown at most. */
const MOST = { hosts: 6, groups: 3, views: 6 };

const leadsTo = (name, words, path, hint = '') => ({ icon: name, words, address: at(path), hint });

/** Where one can go, whatever the fleet is. */
const VIEWS = [
  leadsTo('fleet', 'Fleet', '', 'G F'),
  leadsTo('bell', 'Alerts', 'alerts', 'G A'),
  leadsTo('compare', 'Compare hosts', 'compare', 'G C'),
  leadsTo('compare', 'Top hosts', 'compare?top=10', 'G T'),
  leadsTo('events', 'Events', 'events', 'G E'),
  leadsTo('inventory', 'Inventory', 'inventory', 'G I'),
  leadsTo('server', 'Server', 'server', 'G S'),
  leadsTo('down', 'Hosts that are down', '?state=down'),
  leadsTo('degraded', 'Hosts that are degraded', '?state=degraded'),
  leadsTo('cpu', 'Hosts by CPU', '?sort=cpu&colour=cpu'),
  leadsTo('memory', 'Hosts by memory', '?sort=memory&colour=memory'),
  leadsTo('disk', 'Hosts by disk', '?sort=disk&colour=disk'),
  leadsTo('disk', 'Map by how busy disks are', '?colour=busy'),
  leadsTo('gauge', 'Map by pressure', '?colour=pressure'),
  leadsTo('expand', 'Wall', '?wall'),
  ...USUAL.map(({ column, name }) => ({
    icon: 'compare',
    words: `Top hosts: ${name}`,
    more: column,
    address: addressOf({ column, top: 10 }),
  })),
];

/** What of the server the address names. */
const here = () => pathOf(location.pathname);

/** What is said of a host behind its name. */
function about(host) {
  const cause = STATES.indexOf(host.state) < 2 ? faultOf(host) : (host.cause ?? sentence(host.state));
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
    tell(`Polling ${host.name}…`);
    const { outcome } = await post(`${hostPath(host.name)}/poll`, {});
    return `${host.name}: ${outcomeWords(outcome)}`;
  };
  const query = (pairs) => `?${new URLSearchParams(pairs)}`;
  return [
    { icon: 'poll', words: 'Poll now', act: poll },
    leadsTo('bell', 'Show its alerts', `alerts${query({ host: host.name })}`),
    leadsTo('events', 'Show its events', `events${query({ text: host.name })}`),
    ...(host.group ? [leadsTo('filter', `Show only group ${host.group}`, query({ group: host.group }))] : []),
  ];
}

/** Everything that fits to what was typed, by sections. */
function sectionsOf(live, typed, own, tell) {
  const low = typed.toLowerCase();
  const isMeant = ({ words }) => fits(words, typed);
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
    .filter((group) => low && fits(group, typed))
    .slice(0, MOST.groups)
    .flatMap((group) => [
      leadsTo('fleet', group, `?${new URLSearchParams({ group })}`),
      { icon: 'compare', words: `Compare group ${group}`, address: groupAt(group) },
    ]);
  // Without a word there is the host of the page that is open, or none.
  const open = /^hosts\/([^/]+)$/.exec(here());
  const chosen = typed ? found[0] : live.hosts.get(open && decodeURIComponent(open[1]));
  return [
    [`Hosts · ${found.length}`, some],
    ['Groups', byGroup],
    [`Actions on ${chosen?.name}`, chosen ? deeds(chosen, tell) : []],
    ['Go to', VIEWS.filter(isMeant).slice(0, MOST.views)],
    ['This page', own.filter(isMeant)],
  ].filter(([, entries]) => entries.length);
}

/** What opens the palette; what it can do to the page itself is handed over. */
export function palette(live, { theme, density, help }) {
  const own = [
    { icon: 'auto', words: 'Theme: auto, light, dark', hint: 'T', act: theme },
    { icon: 'dense', words: 'Density: comfortable, compact', hint: 'D', act: () => density() },
    { icon: 'keys', words: 'Keys', hint: '?', act: help },
  ];
  return () =>
    find({
      label: 'Find',
      placeholder: 'Host, group, rack=a1, page or action',
      sections: (typed, tell) => sectionsOf(live, typed, own, tell),
    });
}
