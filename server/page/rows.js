// The fleet's table. Of thousands of rows those are drawn that are seen, and some around them.

import { arrange, become, h, icon, stateWords } from './dom.js';
import { cellOf, COLUMNS, sumOf } from './columns.js';
import { groupAt } from './comparing.js';
import { shortMoment } from './format.js';
import { t } from './i18n.js';
import { isDense } from './look.js';
import { isFresh, sums } from './sums.js';
import { directionOf, orderBy } from './view.js';
import { faultOf } from './words.js';

/** On a phone a host has two lines, with what matters most. */
const NARROW = matchMedia('(max-width: 640px)');
/** How high rows are, as the style has them, px. */
const heightOf = ({ kind }) =>
  kind === 'group' ? 32 : NARROW.matches && kind === 'host' ? 60 : isDense() ? 28 : 36;
/** Rows drawn above and below what is seen, px; and up to how many all are drawn. */
const SPARE = 240;
const ALL = 150;
/** What stands over the first row when the page is scrolled: the head bar and the titles, px. */
const COVERED = 90;
/** Columns that a window of 1,400 px has room for. */
const USUAL = COLUMNS.filter(({ extra }) => !extra).length;
const WORDS = { asc: 'ascending', desc: 'descending' };

/** What stands in place of values of a host that has none of now. */
function unheard(host) {
  if (host.state === 'paused')
    return host.paused_until_ms
      ? t('Paused until {time}', { time: shortMoment(host.paused_until_ms) })
      : stateWords('paused');
  if (host.state === 'retired') return t('Gone from the inventory');
  if (host.state === 'pending' && !host.outcome) return t('Waiting for the first answer');
  return faultOf(host);
}

function cellsOf(host, columns, now) {
  if (isFresh(host)) return columns.map((column) => cellOf(column, host, now));
  const [name, ...others] = columns;
  const words = unheard(host);
  const told = h(
    'td',
    { colspan: others.length, class: `instead ${host.state}`, title: words },
    h('span', {}, words),
  );
  return [cellOf(name, host, now), told];
}

const keyOf = (item) => `${item.kind} ${item.kind === 'host' ? item.host.name : item.name}`;

/** The name of a group: the way to what its hosts come to. Those without a group are none. */
function groupLink({ name, hosts }) {
  if (!hosts[0].group) return name;
  const props = { href: groupAt(hosts[0].group), 'data-link': true, title: t('Compare this group') };
  return h('a', props, name, icon('compare', 's'));
}

/** A row for an item: the one that `known` has of it, with what is new; `box` makes what ticks a host. */
function rowOf(item, known, { columns, now, box }) {
  if (item.kind === 'host' && known?.host === item.host && known.columns === columns) {
    columns.forEach((column, position) => {
      const cell = known.row.children[position];
      if (column.ages && isFresh(item.host)) become(cell, cellOf(column, item.host, now));
    });
    return known;
  }
  const row = h('tr', { class: item.kind === 'host' ? `go ${item.host.state}` : item.kind });
  if (item.kind === 'host') {
    row.append(...cellsOf(item.host, columns, now));
    row.firstChild.prepend(box(item.host.name));
  }
  if (item.kind === 'group') {
    const title = h(
      'th',
      { scope: 'rowgroup' },
      groupLink(item),
      h('span', { class: 'm' }, ` ${item.hosts.length}`),
    );
    const all = sums(item.hosts);
    row.append(title, ...columns.slice(1).map((column) => sumOf(column, all)));
  }
  if (item.kind === 'more') {
    const { left: n, name: group } = item;
    const words = n ? t('Show {n} more in {group}', { n, group }) : t('Show fewer in {group}', { group });
    const button = h('button', { type: 'button', class: 'plain cover', 'data-group': item.name }, words);
    row.append(h('td', { colspan: columns.length }, button));
  }
  if (!known) return { host: item.host, columns, row };
  become(known.row, row);
  return Object.assign(known, { host: item.host, columns });
}

/** The titles, by which the table is put in order. */
function titleRow(columns, view, changed) {
  const title = (column) => {
    const order = () => {
      orderBy(view, column);
      changed();
    };
    const button = h(
      'button',
      { type: 'button', onclick: order },
      column.label,
      column.more && h('span', {}, column.more),
    );
    const props = { scope: 'col', 'data-column': column.key, class: column.numeric ? 'num' : '' };
    return h('th', props, button);
  };
  return columns.map(title);
}

/** From a host's link the arrows go to the next one, drawn or not. */
const STEPS = { ArrowUp: -1, ArrowDown: 1, Home: -Infinity, End: Infinity };

/** The elements of the table; rows that are not drawn have their room above and below. */
function elements() {
  const [head, body, before, after] = [h('tr'), h('tbody'), h('tr'), h('tr')];
  const hidden = (row) => h('tbody', { 'aria-hidden': 'true' }, row);
  const parts = [h('thead', {}, head), hidden(before), body, hidden(after)];
  const element = h(
    'div',
    { class: 'hosts', role: 'region', 'aria-label': t('Hosts') },
    h('table', {}, parts),
  );
  /** Where the first row is in the window. */
  const top = () => before.parentElement.getBoundingClientRect().top;
  return { head, body, before, after, element, top };
}

/** The first item that ends below a height, of items that begin at `tops`. */
function itemAt(tops, height) {
  let [low, high] = [0, tops.length - 1];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (tops[middle + 1] <= height) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** Has the arrows go from host to host in what is `shown`; `rows` draws. */
function walk({ body, top }, shown, rows) {
  body.addEventListener('keydown', (event) => {
    const { items, tops } = shown;
    const hosts = items.flatMap(({ kind }, position) => (kind === 'host' ? [position] : []));
    const isIn = (position) => shown.drawn.get(keyOf(items[position]))?.row.contains(event.target);
    const now = hosts.findIndex(isIn);
    if (STEPS[event.key] === undefined || event.target.tagName !== 'A' || now < 0) return;
    event.preventDefault();
    const to = hosts[Math.min(hosts.length - 1, Math.max(0, now + STEPS[event.key]))];
    const y = top() + tops[to];
    const high = heightOf(items[to]);
    if (y < COVERED) scrollBy(0, y - COVERED);
    else if (y + 2 * high > innerHeight) scrollBy(0, y + 3 * high - innerHeight);
    rows();
    shown.drawn.get(keyOf(items[to])).row.querySelector('a').focus({ preventScroll: true });
  });
}

/** The table of a view; `changed` is called for another order, `open(group)` for all of one; `picked` are the ticks. */
export function table(view, changed, open, picked) {
  const parts = elements();
  const { head, body, before, after, element } = parts;
  /** What is shown: items, where each begins, those that are drawn, when; and whether a scroll is under way. */
  const shown = { items: [], tops: [0], drawn: new Map(), columns: [], now: 0, rolling: false };

  function rows() {
    const { items, tops, drawn, columns, now } = shown;
    const top = parts.top();
    const isAll = items.length <= ALL;
    const first = isAll ? 0 : itemAt(tops, -top - SPARE);
    const last = isAll ? items.length : Math.min(items.length, itemAt(tops, innerHeight - top + SPARE) + 1);
    const made = items.slice(first, last).map((item) => {
      const key = keyOf(item);
      return [key, rowOf(item, drawn.get(key), { columns, now, box: picked.box })];
    });
    shown.drawn = new Map(made);
    const focused = body.contains(document.activeElement) ? document.activeElement : null;
    before.style.height = `${tops[first]}px`;
    after.style.height = `${tops[items.length] - tops[last]}px`;
    arrange(
      body,
      made.map(([, { row }]) => row),
    );
    picked.show(body);
    if (focused?.isConnected && focused !== document.activeElement) focused.focus({ preventScroll: true });
  }
  body.addEventListener('click', (event) => {
    const { group } = event.target.closest('[data-group]')?.dataset ?? {};
    if (group) open(group);
  });
  picked.listen(body);
  walk(parts, shown, rows);
  const rolled = () => {
    if (shown.rolling) return;
    shown.rolling = true;
    requestAnimationFrame(() => {
      shown.rolling = false;
      if (element.isConnected) rows();
    });
  };
  addEventListener('scroll', rolled, { passive: true });

  return {
    element,
    leave: () => removeEventListener('scroll', rolled),
    draw(items, columns, now) {
      const tops = [0];
      for (const item of items) tops.push(tops.at(-1) + heightOf(item));
      if (columns !== shown.columns) {
        head.replaceChildren(...titleRow(columns, view, changed));
        element.classList.toggle('extra', columns.length > USUAL);
      }
      Object.assign(shown, { items, tops, columns, now });
      columns.forEach((column, position) => {
        const sort = column.key === view.sort ? WORDS[directionOf(view)] : 'none';
        head.children[position].setAttribute('aria-sort', sort);
      });
      rows();
    },
  };
}
