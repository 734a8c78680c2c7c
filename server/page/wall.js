// The fleet for a screen on a wall: no controls, no scroll; read from some metres away.

import { attention } from './attention.js';
import { fill, glyph, h, renew, state, stateWords } from './dom.js';
import { heat } from './heat.js';
import { moment, percent } from './format.js';
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
/** The edge of a cell without a name, px, at least and at most; and which part of the wall all of them cover. */
const EDGES = [12, 64];
const COVERED = 0.6;

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

/** Groups as rows of the wall: small ones that come after each other share one. */
function rowsOf(groups) {
  const rows = [];
  for (const [group, members] of groups) {
    const last = rows.at(-1);
    const taken = last?.reduce((sum, [, some]) => sum + some.length, 0) ?? A_ROW;
    if (taken + members.length <= A_ROW) last.push([group, members]);
    else rows.push([[group, members]]);
  }
  return rows;
}

/** Named cells in their groups, which share the height by their rows. */
function named(place, hosts, entries) {
  const groups = [...grouped(hosts, ({ group }) => group ?? '')].sort(
    ([, some], [, others]) => others.length - some.length,
  );
  const cluster = ([group, members], isAlone) => {
    const cells = h(
      'div',
      { class: 'wcells' },
      members.map((host) => cellOf(host, entries.get(host))),
    );
    const title = h('h2', {}, group || t('Hosts'), h('span', { class: 'm' }, ` ${members.length}`));
    const section = h('section', { class: 'wcl' }, title, cells);
    if (isAlone) return section;
    cells.style.gridTemplateColumns = `repeat(${members.length}, minmax(0, 1fr))`;
    section.style.flexGrow = members.length;
    return section;
  };
  const made = rowsOf(groups).map((row) => {
    const isAlone = row.length === 1;
    const sections = row.map((one) => cluster(one, isAlone));
    const element = isAlone ? sections[0] : h('div', { class: 'wrow' }, sections);
    element.style.flexGrow = isAlone ? Math.ceil(row[0][1].length / A_ROW) : 1;
    return element;
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
      const room = place.clientWidth * place.clientHeight * COVERED;
      const edge = Math.floor(Math.sqrt(room / hosts.length));
      cells.draw(hosts, t('State'), null, Math.max(EDGES[0], Math.min(EDGES[1], edge)));
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
