// Keys that work on every page, and the dialog that names them.

import { h, isTyping } from './dom.js';
import { t } from './i18n.js';
import { palette, VIEWS } from './palette.js';

/** After G: where a letter leads. */
const PAGES = new Map(
  VIEWS.filter(({ hint }) => hint).map((view) => [view.hint.replace('G ', '').toLowerCase(), view]),
);

/** What each key does, in the order of the dialog. */
const NAMED = [
  ['Ctrl K', t('Find a host, page or action')],
  ['/', t('The same')],
  ['G', t('Go to a page: by a letter, which is shown then')],
  ['↑ ↓', t('From host to host in a list; in the map ← → too')],
  ['X', t('Tick a host of the list, to compare it')],
  ['Enter', t('Open what is chosen')],
  ['F', t('Full screen of the graph that is pointed at or has the focus')],
  ['W', t('On a host: what moved in the span that is shown')],
  [t('Shift and drag'), t('On a host: what moved in the span that is dragged over')],
  ['Esc', t('Close; on a host zoom out')],
  ['D', t('Rows closer, or as before')],
  ['U', t('Times: this browser, UTC')],
  ['L', t('Live: on, off')],
  ['T', t('Theme: auto, light, dark')],
  ['?', t('This list')],
];

function help() {
  const rows = NAMED.map(([key, words]) =>
    h('div', { class: 'key-row' }, h('dt', {}, h('kbd', {}, key)), h('dd', {}, words)),
  );
  const close = h('button', { type: 'button', onclick: () => dialog.close() }, t('Close'));
  const dialog = h(
    'dialog',
    { 'aria-label': t('Keys'), onclose: () => dialog.remove() },
    h('h2', {}, t('Keys')),
    h('dl', { class: 'keys' }, rows),
    close,
  );
  document.body.append(dialog);
  dialog.showModal();
}

const goTo = (address) => dispatchEvent(new CustomEvent('roundsman:go', { detail: address }));

/** The letters that may follow G, shown until a key is pressed, whichever, or something is pointed at. */
function letters() {
  const bar = h(
    'div',
    { class: 'letters', role: 'status' },
    [...PAGES].map(([letter, { words }]) => h('span', {}, h('kbd', {}, letter.toUpperCase()), ` ${words}`)),
  );
  document.body.append(bar);
  addEventListener('pointerdown', () => bar.remove(), { once: true });
  return bar;
}

/** Listens, for as long as the page is open. */
export function keys(live, { theme, density, zone, hold }) {
  const find = palette(live, { theme, density, zone, hold, help });
  let shown = null;
  const plain = {
    '/': find,
    '?': help,
    d: () => density(),
    t: () => theme(),
    u: () => zone(),
    l: () => hold(),
    g: () => {
      shown = letters();
    },
  };
  addEventListener('keydown', (event) => {
    if (event.key === 'k' && (event.ctrlKey || event.metaKey)) {
      event.preventDefault();
      find();
      return;
    }
    if (
      event.ctrlKey ||
      event.metaKey ||
      event.altKey ||
      isTyping() ||
      document.querySelector('dialog[open]')
    )
      return;
    if (event.key === 'Shift') return;
    const page = shown?.isConnected ? PAGES.get(event.key) : undefined;
    shown?.remove();
    shown = null;
    if (page) goTo(page.address);
    else if (Object.hasOwn(plain, event.key)) plain[event.key]();
    else return;
    event.preventDefault();
  });
  document.getElementById('find').addEventListener('click', find);
}
