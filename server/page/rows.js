// The fleet's table. Of thousands of rows those are drawn that are seen, and some around them.

import { arrange, become, h } from './dom.js';
import { cellOf, COLUMNS } from './columns.js';
import { directionOf, orderBy } from './view.js';

/** On a phone a host has two lines, with what matters most. */
const NARROW = matchMedia('(max-width: 640px)');
/** How high a host's row is, as the style has it, px. */
const rowHeight = () => (NARROW.matches ? 52 : 32);
/** Rows drawn above and below what is seen. */
const SPARE = 6;
const WORDS = { asc: 'ascending', desc: 'descending' };

const shade = (host) => (host.state === 'up' || host.state === 'degraded' ? '' : 'stale');

/** A host's row: the one that `known` has of it, with what is new. */
function rowOf(host, known, now) {
  if (!known) {
    const cells = COLUMNS.map((column) => cellOf(column, host, now));
    return { host, row: h('tr', { class: shade(host) }, cells) };
  }
  COLUMNS.forEach((column, position) => {
    if (!column.ages && (known.host === host || column.stays)) return;
    become(known.row.children[position], cellOf(column, host, now));
  });
  known.row.className = shade(host);
  known.host = host;
  return known;
}

/** The titles, by which the table is put in order. */
function titleRow(view, changed) {
  const title = (column) => {
    const order = () => {
      orderBy(view, column);
      changed();
    };
    const button = h('button', { type: 'button', onclick: order }, column.label);
    const props = { scope: 'col', 'data-column': column.key, class: column.numeric ? 'num' : '' };
    return h('th', props, button);
  };
  return h('tr', {}, COLUMNS.map(title));
}

/** The whole row leads to its host; what is marked to be copied does not. */
function openByRow(event) {
  const link = event.target.closest('tr')?.querySelector('[data-column=name] a');
  if (!link || event.target.closest('a') || event.ctrlKey || event.metaKey || event.shiftKey) return;
  if (getSelection().toString()) return;
  link.click();
}

/** From a host's link the arrows go to the next one, drawn or not. */
const STEPS = {
  ArrowUp: (at) => at - 1,
  ArrowDown: (at) => at + 1,
  Home: () => 0,
  End: (at, last) => last,
};

/** The table of a view; `changed` is called when another order was asked for. */
export function table(view, changed) {
  const head = titleRow(view, changed);
  const body = h('tbody', { onclick: openByRow });
  // Rows that are not drawn have their room above and below.
  const [before, after] = [h('tr'), h('tr')];
  const hidden = (row) => h('tbody', { 'aria-hidden': 'true' }, row);
  const scroll = h(
    'div',
    { class: 'scroll fleet', tabIndex: 0, role: 'region', 'aria-label': 'Hosts' },
    h('table', {}, h('thead', {}, head), hidden(before), body, hidden(after)),
  );
  /** What is shown: the hosts, those that are drawn by name, when; and whether a scroll is under way. */
  const shown = { list: [], drawn: new Map(), now: 0, rolling: false };

  function rows() {
    const { list, drawn, now } = shown;
    const high = rowHeight();
    const first = Math.max(0, Math.floor(scroll.scrollTop / high) - SPARE);
    // By the window: the table has no height of its own before it has rows.
    const last = Math.min(list.length, Math.ceil((scroll.scrollTop + innerHeight) / high) + SPARE);
    const seen = list.slice(first, last);
    shown.drawn = new Map(seen.map((host) => [host.name, rowOf(host, drawn.get(host.name), now)]));
    before.style.height = `${first * high}px`;
    // While rows are away the list stays as high: it would be scrolled to where it still has something.
    after.style.height = `${list.length * high}px`;
    const focused = body.contains(document.activeElement) ? document.activeElement : null;
    arrange(
      body,
      [...shown.drawn.values()].map(({ row }) => row),
    );
    after.style.height = `${(list.length - last) * high}px`;
    if (focused?.isConnected && focused !== document.activeElement) focused.focus({ preventScroll: true });
  }

  body.addEventListener('keydown', (event) => {
    const { list } = shown;
    const at = list.findIndex((host) => host.name === event.target.textContent);
    if (!STEPS[event.key] || event.target.tagName !== 'A' || at < 0) return;
    event.preventDefault();
    const to = Math.min(list.length - 1, Math.max(0, STEPS[event.key](at, list.length - 1)));
    // The titles stand over the first row.
    const high = rowHeight();
    if (to * high < scroll.scrollTop) scroll.scrollTop = to * high;
    if ((to + 3) * high > scroll.scrollTop + scroll.clientHeight) {
      scroll.scrollTop = (to + 3) * high - scroll.clientHeight;
    }
    rows();
    const { row } = shown.drawn.get(list[to].name);
    row.querySelector('a').focus({ preventScroll: true });
  });

  scroll.addEventListener('scroll', () => {
    if (shown.rolling) return;
    shown.rolling = true;
    requestAnimationFrame(() => {
      shown.rolling = false;
      rows();
    });
  });

  return {
    element: scroll,
    top: () => scroll.scrollTo(0, 0),
    draw(list, now) {
      Object.assign(shown, { list, now });
      COLUMNS.forEach((column, position) => {
        const sort = column.key === view.sort ? WORDS[directionOf(view)] : 'none';
        head.children[position].setAttribute('aria-sort', sort);
      });
      rows();
    },
  };
}
