// The map of the fleet: a titled cluster per group, each a canvas with a cell per host.

import { arrange, glyph, h, renew } from './dom.js';
import { cell } from './cells.js';
import { NATURAL } from './format.js';
import { t, term, tn } from './i18n.js';
import { grouped, rank } from './sums.js';
import { squarify } from './treemap.js';

/** Cells by how many hosts there are: up to how many, width, height and gap, px; the first have their host's number. */
const SIZES = [
  { to: 100, wide: 38, high: 28, gap: 4, named: true },
  { to: 1500, wide: 18, high: 18, gap: 3 },
  { to: Infinity, wide: 12, high: 12, gap: 2 },
];
/** How much is seen of a host that the filter leaves out: the map stays as it is while one types. */
const DIM = 0.2;
const TROUBLE = ['down', 'suspect', 'degraded'];
const UNGROUPED = t('No group');

const sizesOf = (all) => SIZES.find((one) => all <= one.to);

/**
 * How `count` cells of a fleet of `all` lie in this width: their places, px, in rows of so many columns. `edge` is that
 * of a cell, where it is not the usual one.
 */
function gridOf(count, width, all, edge) {
  const usual = sizesOf(all);
  const { wide: least, high, gap, named = false } = edge ? { ...usual, wide: edge, high: edge } : usual;
  const columns = Math.max(1, Math.floor((width + gap) / (least + gap)));
  const wide = named ? (width - (columns - 1) * gap) / columns : least;
  const placeOf = (_, at) => ({
    x: (at % columns) * (wide + gap),
    y: Math.floor(at / columns) * (high + gap),
    wide,
    high,
  });
  const places = Array.from({ length: count }, placeOf);
  return {
    places,
    gap,
    named,
    columns,
    height: Math.max(1, Math.ceil(count / columns)) * (high + gap) - gap,
  };
}

/** Cells of a cluster by their weights, largest first; one of the weight 1 has `area` px² in all clusters. */
function treeOf(weights, most, all, area) {
  const gap = Math.min(2, sizesOf(all).gap);
  const whole = weights.reduce((sum, weight) => sum + weight, 0) * area;
  // What would be lower than a cell is narrower.
  const width = Math.min(most, Math.ceil(whole / sizesOf(all).high));
  const height = Math.max(1, Math.round(whole / width));
  // Edges are on pixels, so that gaps are as wide everywhere; the box is a gap larger, as the last cells have one, too.
  const places = squarify(weights, width + gap, height + gap).map((one) => {
    const [x, y] = [Math.round(one.x), Math.round(one.y)];
    const [right, foot] = [Math.round(one.x + one.wide), Math.round(one.y + one.high)];
    return { x, y, wide: Math.max(1, right - x - gap), high: Math.max(1, foot - y - gap) };
  });
  return { places, gap, named: true, columns: 0, height };
}

/**
 * What hosts weigh on a map by size, and what area one of the weight 1 has, px²: the whole map is about as large as
 * that of equal cells. A host that never said has the weight of the one in the middle: it is not nothing.
 */
function scaleOf(hosts, weigh, all) {
  const known = hosts.map(weigh).filter((weight) => weight > 0);
  const usual = rank(known, 50) ?? 1;
  const weightOf = (host) => (weigh(host) > 0 ? weigh(host) : usual);
  const { wide, high, gap } = sizesOf(all);
  const sum = hosts.reduce((whole, host) => whole + weightOf(host), 0);
  return { weightOf, area: ((wide + gap) * (high + gap) * hosts.length) / sum };
}

/** The nearest cell over or below one, of those that differ in size; -1 or one too many where there is none. */
function beside(at, places, by) {
  const from = places[at];
  const middle = (one) => one.x + one.wide / 2;
  const away = (one) => (by < 0 ? from.y - (one.y + one.high) : one.y - (from.y + from.high));
  let [next, least] = [by < 0 ? -1 : places.length, Infinity];
  places.forEach((one, position) => {
    const far = away(one) * 4 + Math.abs(middle(one) - middle(from));
    if (away(one) < 0 || far >= least) return;
    [next, least] = [position, far];
  });
  return next;
}

const vertically = (by) => (at, laid) =>
  laid.columns ? at + by * laid.columns : beside(at, laid.places, by);

/** Where keys lead from a cell. */
const STEPS = {
  ArrowLeft: (at) => at - 1,
  ArrowRight: (at) => at + 1,
  ArrowUp: vertically(-1),
  ArrowDown: vertically(1),
  Home: () => 0,
  End: (at, laid, last) => last,
};

/** Which cell is at a point of a canvas, px; the gap behind a cell is of it. */
const under = ({ places, gap }, x, y) =>
  places.findIndex(
    (one) => x >= one.x && x < one.x + one.wide + gap && y >= one.y && y < one.y + one.high + gap,
  );

/** A canvas' pen, on a clean canvas of this size. */
function penOn(canvas, width, height) {
  const ratio = devicePixelRatio || 1;
  canvas.width = Math.round(width * ratio);
  canvas.height = Math.round(height * ratio);
  canvas.style.height = `${height}px`;
  const pen = canvas.getContext('2d');
  pen.scale(ratio, ratio);
  return pen;
}

/** Has pointer and keys walk the cells of `map`, and open them. */
function walk(canvas, map, { hostAt, choose, draw, tell, open, leaveBy }) {
  canvas.addEventListener('mousemove', (event) => {
    const host = hostAt(event);
    canvas.classList.toggle('over-host', Boolean(host));
    tell(host, event.clientX, event.clientY);
  });
  canvas.addEventListener('mouseleave', () => tell(null));
  canvas.addEventListener('click', (event) => {
    const host = hostAt(event);
    if (host) open(host, event.ctrlKey || event.metaKey);
  });
  canvas.addEventListener('blur', () => {
    map.chosen = null;
    tell(null);
    draw();
  });
  canvas.addEventListener('keydown', (event) => {
    const now = map.position();
    if (event.key === 'Enter' && map.hosts[now]) open(map.hosts[now]);
    if (!STEPS[event.key] || map.hosts.length === 0) return;
    event.preventDefault();
    const last = map.hosts.length - 1;
    const next = now < 0 ? 0 : STEPS[event.key](now, map.laid, last);
    // Over its edge the next cluster is entered.
    if (next < 0 || next > last) leaveBy(next < 0 ? -1 : 1);
    else choose(next);
  });
}

const counted = (n, state) => t('{n} {state}', { n, state: term('state', state) });

/** How many hosts of a cluster are in trouble, by state: in the words of its title, and of its label. */
function worstOf(hosts, place) {
  const counts = TROUBLE.map((state) => [state, hosts.filter((host) => host.state === state).length]);
  const some = counts.filter(([, count]) => count);
  renew(
    place,
    some.map(([state, count]) =>
      h('span', { class: `st ${state}`, title: counted(count, state) }, glyph(state), count),
    ),
  );
  return some.map(([state, count]) => counted(count, state)).join(t(', '));
}

/** A cluster's label: whose it is, what its colours tell, and the words for those in trouble. */
const spokenOf = (name, n, label, trouble) =>
  [tn(n, '{name}, {n} host by {label}', '{name}, {n} hosts by {label}', { name, label }), trouble]
    .filter(Boolean)
    .join(t(': '));

/** One cluster; `look` says what a cell shows, `tell` what is pointed at, `open` goes to a host. */
function cluster({ look, tell, open, step }) {
  const canvas = h('canvas', {
    class: 'heat',
    role: 'application',
    tabIndex: 0,
    'aria-roledescription': t('map of hosts'),
  });
  const [title, size, worst] = [h('h3', {}), h('span', { class: 'm t1' }), h('span', { class: 'worst t1' })];
  const head = h('div', { class: 'row' }, title, size, h('span', { class: 'sp' }), worst);
  const map = {
    hosts: [],
    laid: gridOf(0, 100, 1),
    chosen: null,
    position: () => map.hosts.findIndex((host) => host.name === map.chosen),
  };
  function hostAt(event) {
    const box = canvas.getBoundingClientRect();
    return map.hosts[under(map.laid, event.clientX - box.left, event.clientY - box.top)];
  }
  function draw() {
    const width = canvas.parentElement?.clientWidth ?? 0;
    if (width <= 0) return;
    const { hosts, all, scale } = map;
    map.laid = scale
      ? treeOf(hosts.map(scale.weightOf), width, all, scale.area)
      : gridOf(hosts.length, width, all, map.edge);
    const { places, height, named } = map.laid;
    const pen = penOn(canvas, width, height);
    hosts.forEach((host, at) => {
      const seen = look(host);
      pen.globalAlpha = seen.isDim ? DIM : 1;
      cell(pen, host, { ...seen, named, isSized: Boolean(scale) }, places[at]);
    });
    pen.globalAlpha = 1;
    const now = map.position();
    if (now < 0) return;
    const { x, y, wide, high } = places[now];
    pen.strokeStyle = getComputedStyle(canvas).color;
    pen.lineWidth = 2;
    pen.strokeRect(x + 1, y + 1, wide - 2, high - 2);
  }
  function choose(at) {
    map.chosen = map.hosts[at].name;
    draw();
    const box = canvas.getBoundingClientRect();
    const { x, y, high } = map.laid.places[at];
    tell(map.hosts[at], box.left + x, box.top + y + high);
  }
  walk(canvas, map, { hostAt, choose, draw, tell, open, leaveBy: (by) => step(element, by) });
  const element = h('div', { class: 'cl' }, head, canvas);
  return {
    element,
    enter(isLast) {
      canvas.focus();
      if (map.hosts.length) choose(isLast ? map.hosts.length - 1 : 0);
    },
    draw(name, hosts, { all, label, scale, edge }) {
      Object.assign(map, { hosts, all, scale, edge });
      title.textContent = name;
      size.textContent = hosts.length;
      const words = worstOf(hosts, worst);
      canvas.setAttribute('aria-label', spokenOf(name, hosts.length, label, words));
      draw();
    },
  };
}

/** The clusters of all groups; `look` gives what a host's cell shows, `words` what is told of it, `open` goes there. */
export function heat({ look, words, open }) {
  const tip = h('div', { class: 'tip', role: 'status', hidden: true });
  document.body.append(tip);
  const element = h('div', { class: 'map' });
  let known = new Map();
  function tell(host, x, y) {
    tip.hidden = !host;
    if (!host) return;
    tip.textContent = words(host);
    tip.style.left = `${Math.max(4, Math.min(x + 12, innerWidth - tip.offsetWidth - 8))}px`;
    tip.style.top = `${y + tip.offsetHeight + 20 > innerHeight ? y - tip.offsetHeight - 12 : y + 14}px`;
  }
  /** From the edge of a cluster into the one before or after it. */
  function step(from, by) {
    const all = [...known.values()];
    const next = all[all.findIndex((one) => one.element === from) + by];
    next?.enter(by < 0);
  }
  return {
    element,
    leave: () => tip.remove(),
    /**
     * `label` says what colours tell; `weigh` what a host's cell is as large as, and all are alike without it; `edge`,
     * px, how large.
     */
    draw(hosts, label, weigh, edge) {
      const all = hosts.length;
      const scale = weigh && all ? scaleOf(hosts, weigh, all) : null;
      const inOrder = scale
        ? (members) => [...members].sort((a, b) => scale.weightOf(b) - scale.weightOf(a))
        : (members) => members;
      const groups = [...grouped(hosts, ({ group }) => group ?? '')].sort(
        ([a, some], [b, others]) => !a - !b || others.length - some.length || NATURAL.compare(a, b),
      );
      const made = groups.map(([group]) => [group, known.get(group) ?? cluster({ look, tell, open, step })]);
      known = new Map(made);
      arrange(
        element,
        made.map(([, one]) => one.element),
      );
      const only = groups.length === 1 && !groups[0][0];
      groups.forEach(([group, members]) =>
        known
          .get(group)
          .draw(group || (only ? t('All hosts') : UNGROUPED), inOrder(members), { all, label, scale, edge }),
      );
    },
  };
}
