// The fleet for a screen on a wall: no controls, no scroll; read from some metres away.

import { attention } from './attention.js';
import { fill, glyph, h, renew, state, stateWords } from './dom.js';
import { heat } from './heat.js';
import { moment, NATURAL, percent } from './format.js';
import { t, term, tn } from './i18n.js';
import { STATES } from './live.js';
import { news } from './news.js';
import { hostAt } from './place.js';
import { changes } from './side.js';
import { grouped, isFresh } from './sums.js';
import { tiles } from './summary.js';
import { troubled } from './trouble.js';
import { outcomeWords } from './words.js';

/** Up to so many hosts each has a cell with its name and values, so many in a row. */
const NAMED = 120;
const A_ROW = 8;

/** What a cell says below its host's name. */
function line(host, entry) {
  if (entry?.isSilenced) return t('silenced');
  if (host.state === 'down' || host.state === 'suspect')
    return host.outcome ? outcomeWords(host.outcome) : term('state', host.state);
  if (entry) return entry.words;
  if (!isFresh(host)) return stateWords(host.state);
  return t('CPU {cpu}  Mem {memory}', {
    cpu: percent(host.cpu_busy_pct),
    memory: percent(host.mem_used_pct),
  });
}

function cellOf(host, entry) {
  const isLoud = STATES.indexOf(host.state) < 3;
  const shape = host.state === 'up' ? null : glyph(host.state);
  const name = h('b', {}, shape, h('span', {}, host.name));
  const words = `wcell ${host.state} ${entry?.kind ?? ''} ${entry?.isSilenced ? 'calm' : ''}`;
  const props = { class: words, href: hostAt(host.name), 'data-link': true };
  return h('a', props, name, h('span', { class: isLoud ? 'loud' : '' }, line(host, entry)));
}

/** Named cells in their groups, which share the height by their rows. */
function named(place, hosts, entries) {
  const groups = [...grouped(hosts, ({ group }) => group ?? '')].sort(
    ([, some], [, others]) => others.length - some.length,
  );
  const made = groups.map(([group, members]) => {
    const sorted = members.sort((a, b) => NATURAL.compare(a.name, b.name));
    const cells = sorted.map((host) => cellOf(host, entries.get(host)));
    const title = h('h2', {}, group || t('Hosts'), h('span', { class: 'm' }, ` ${members.length}`));
    const cluster = h('section', { class: 'wcl' }, title, h('div', { class: 'wcells' }, cells));
    cluster.style.flexGrow = Math.ceil(members.length / A_ROW);
    return cluster;
  });
  renew(place, made);
}

/** How many hosts are in each state. */
const pills = (counts) =>
  STATES.filter((word) => counts[word]).map((word) => {
    const pill = state(word, t('{n} {state}', { n: counts[word], state: term('state', word) }));
    pill.classList.add('pill');
    return pill;
  });

/** Makes the page a wall, which is dark unless its reader chose otherwise; what comes back undoes it. */
export function darken() {
  const root = document.documentElement;
  root.dataset.wall = '';
  const isOwn = !root.dataset.theme;
  if (isOwn) root.dataset.theme = 'dark';
  dispatchEvent(new Event('roundsman:theme'));
  return () => {
    delete root.dataset.wall;
    if (isOwn) delete root.dataset.theme;
    dispatchEvent(new Event('roundsman:theme'));
  };
}

export function wall(live, past) {
  const light = darken();
  const told = news(live, draw);
  const [figures, attend, last] = [tiles(past), attention(draw), changes()];
  const [clock, counts, size] = [h('time', {}), h('div', { class: 'row' }), h('span', { class: 'm' })];
  const place = h('div', { class: 'wmap' });
  let silenced = new Set();
  const cells = heat({
    look: (host) => ({ share: host.state, isSilenced: silenced.has(host.name) }),
    words: ({ name }) => name,
    open: ({ name }) => dispatchEvent(new CustomEvent('roundsman:go', { detail: hostAt(name) })),
  });
  const head = h('header', {}, h('h1', {}, 'Roundsman'), size, h('span', { class: 'sp' }), counts, clock);
  const side = h('div', { class: 'wside' }, attend.elements, last.element);
  const element = h('div', { class: 'wall' }, head, h('div', { class: 'wm' }, place, side), figures.element);

  function draw() {
    const hosts = [...live.hosts.values()];
    const { known } = told;
    const trouble = troubled(hosts, known.byHost, known.silences);
    const entries = new Map(trouble.map((entry) => [entry.host, entry]));
    silenced = new Set(trouble.filter((one) => one.isSilenced).map(({ host }) => host.name));
    if (hosts.length <= NAMED) named(place, hosts, entries);
    else {
      if (cells.element.parentElement !== place) fill(place, cells.element);
      cells.draw(hosts, t('State'), hosts.length);
    }
    renew(counts, pills(live.counts));
    size.textContent = live.at ? tn(hosts.length, '{n} host', '{n} hosts') : t('Waiting for the server');
    figures.draw(live);
    attend.draw(trouble, live, known);
    last.draw(known.changes);
  }
  const tick = () => {
    clock.textContent = moment(Date.now()).split(' ')[1];
    clock.className = live.connected && !live.again ? '' : 'away';
  };
  const timer = setInterval(tick, 1000);
  live.addEventListener('change', draw);
  tick();
  draw();
  return {
    element,
    leave() {
      light();
      clearInterval(timer);
      live.removeEventListener('change', draw);
      told.leave();
      cells.leave();
    },
  };
}
