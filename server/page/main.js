// The page's frame: which view an address means, the banners, the theme.

import { banners } from './banners.js';
import { h, fill, renew } from './dom.js';
import { Live, SEVERITIES } from './live.js';
import { fleet } from './fleet.js';
import { host } from './host.js';
import { alerts } from './alerts.js';
import { events } from './events.js';
import { inventory } from './inventory.js';
import { server } from './server.js';
import { named } from './place.js';

const live = new Live();
const main = document.getElementById('main');
let leave = () => {};

const ROUTES = [
  [/^$/, () => fleet(live), 'Fleet'],
  [/^hosts\/([^/]+)$/, (name) => host(live, decodeURIComponent(name)), 'Host'],
  [/^alerts$/, () => alerts(live), 'Alerts'],
  [/^events$/, () => events(live), 'Events'],
  [/^inventory$/, () => inventory(live), 'Inventory'],
  [/^server$/, () => server(live), 'Server'],
];

function show() {
  leave();
  leave = () => {};
  for (const link of document.querySelectorAll('nav a')) {
    const here = link.pathname === location.pathname;
    if (here) link.setAttribute('aria-current', 'page');
    else link.removeAttribute('aria-current');
  }
  for (const [pattern, view, title] of ROUTES) {
    const found = pattern.exec(named(location.pathname));
    if (!found) continue;
    document.title = found[1] ? `${decodeURIComponent(found[1])} · Roundsman` : `${title} · Roundsman`;
    const made = view(...found.slice(1));
    leave = made.leave ?? leave;
    fill(main, made.element);
    return;
  }
  fill(main, h('p', { class: 'none' }, `There is no page at ${location.pathname}.`));
}

/** Goes to an address of this site without a reload. */
export function go(address) {
  history.pushState(null, '', address);
  show();
  scrollTo(0, 0);
}

document.addEventListener('click', (event) => {
  const link = event.target.closest?.('a[data-link]');
  if (!link || event.metaKey || event.ctrlKey || event.shiftKey || event.button !== 0) return;
  event.preventDefault();
  go(link.href);
});
addEventListener('popstate', show);
addEventListener('roundsman:go', (event) => go(event.detail));

/** How many alarms fire, beside the link to them, in the colour of the gravest. */
function count(firing) {
  const badge = document.getElementById('firing');
  const worst = SEVERITIES.find((severity) => firing[severity]);
  badge.hidden = !worst;
  badge.className = `count ${worst ?? ''}`;
  const all = Object.values(firing).reduce((sum, one) => sum + one, 0);
  if (badge.textContent !== String(all)) badge.textContent = all;
  badge.title = SEVERITIES.filter((severity) => firing[severity])
    .map((severity) => `${firing[severity]} ${severity}`)
    .join(', ');
}

/** The state of the connection, and what is wrong, above every view. */
function frame() {
  const { connected, again } = live;
  const shown = banners(live).map(({ words, isGrave }) => h('p', { class: isGrave ? 'grave' : '' }, words));
  renew(document.getElementById('banners'), shown);
  const pulse = document.getElementById('pulse');
  pulse.classList.toggle('away', !connected || again);
  const words = !connected ? 'no connection' : again ? 'reconnecting' : 'live';
  if (pulse.textContent !== words) pulse.textContent = words;
  count(live.server.alarms_firing ?? {});
}
live.addEventListener('change', frame);
live.addEventListener('connection', frame);

const themes = ['auto', 'light', 'dark'];
function theme(wanted) {
  if (wanted === 'auto') delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = wanted;
  localStorage.setItem('theme', wanted);
  document.getElementById('theme').textContent = `Theme: ${wanted}`;
  dispatchEvent(new Event('roundsman:theme'));
}
document.getElementById('theme').addEventListener('click', () => {
  const now = localStorage.getItem('theme') ?? 'auto';
  theme(themes[(themes.indexOf(now) + 1) % themes.length]);
});
theme(themes.includes(localStorage.getItem('theme')) ? localStorage.getItem('theme') : 'auto');

// As they are where the page was opened: what is relative is so to wherever the reader has gone since.
for (const link of document.querySelectorAll('a[data-link], link[rel=icon]'))
  link.setAttribute('href', link.href);
show();
live.start();
