// The page's frame: which view an address means, the banners, the theme.

import { forget } from './api.js';
import { banners } from './banners.js';
import { live } from './begin.js';
import { h, fill, icon, renew } from './dom.js';
import { clock } from './format.js';
import { changeLanguage, otherLanguage, t, term, translate } from './i18n.js';
import { keys } from './keys.js';
import { SEVERITIES } from './live.js';
import { fleet } from './fleet.js';
import { host } from './host.js';
import { alerts } from './alerts.js';
import { availability } from './availability.js';
import { board } from './board.js';
import { boards } from './boards.js';
import { boardWall } from './boardwall.js';
import { compare } from './compare.js';
import { events } from './events.js';
import { inventory } from './inventory.js';
import { server } from './server.js';
import { wall } from './wall.js';
import { meet, toLogin } from './me.js';
import { named } from './place.js';
import { density, theme, themeOf } from './look.js';
import { Past } from './past.js';
import { isUtc, zone, zoneName } from './zone.js';

translate();
const past = new Past(live);
const main = document.getElementById('main');
let leave = () => {};

const asked = () => new URLSearchParams(location.search);
/** The boards that a wall is asked to show; none for all. */
const chosen = () => (asked().get('boards') ?? '').split(',').filter(Boolean);

const ROUTES = [
  [/^$/, () => (asked().has('wall') ? wall(live, past) : fleet(live, past)), t('Fleet')],
  [/^hosts\/([^/]+)$/, (name) => host(live, decodeURIComponent(name)), t('Host')],
  [/^alerts$/, () => alerts(live), t('Alerts')],
  [/^availability$/, () => availability(), t('Availability')],
  [/^compare$/, () => compare(live), t('Compare')],
  [/^boards$/, () => (asked().has('wall') ? boardWall(live, chosen()) : boards()), t('Boards')],
  [
    /^boards\/([^/]+)$/,
    (name) => {
      const own = decodeURIComponent(name);
      return asked().has('wall') ? boardWall(live, [own]) : board(live, own);
    },
    t('Board'),
  ],
  [/^events$/, () => events(live), t('Events')],
  [/^inventory$/, () => inventory(live), t('Inventory')],
  [/^server$/, () => server(live), t('Server')],
];

/** Shows the view of the address; what comes back is there once it has shown what it is opened for. */
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
    return made.drawn;
  }
  fill(main, h('p', { class: 'none' }, t('There is no page at {path}.', { path: location.pathname })));
  return null;
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
  badge.className = `badge ${worst ?? ''}`;
  const all = Object.values(firing).reduce((sum, one) => sum + one, 0);
  if (badge.textContent !== String(all)) badge.textContent = all;
  badge.title = SEVERITIES.filter((severity) => firing[severity])
    .map((severity) => t('{n} {severity}', { n: firing[severity], severity: term('severity', severity) }))
    .join(t(', '));
}

/** Whether what is shown is as it is now, in words, and how the mark beside them looks. */
function standing() {
  if (!live.at) return { words: t('Connecting…'), shape: 'again' };
  if (!live.connected) return { words: t('Offline since {time}', { time: clock(live.at) }), shape: 'away' };
  if (live.isHeld) return { words: t('Live off'), shape: 'held' };
  if (live.server.stopping) return { words: t('Server stops'), shape: 'again' };
  return live.again ? { words: t('Reconnecting…'), shape: 'again' } : { words: t('Live'), shape: '' };
}

/** The state of the connection, and what is wrong, above every view. */
function frame() {
  const shown = banners(live).map(({ words, isGrave }) => h('p', { class: isGrave ? 'grave' : '' }, words));
  renew(document.getElementById('banners'), shown);
  const pulse = document.getElementById('pulse');
  const { words, shape } = standing();
  pulse.className = `live ${shape}`;
  if (pulse.textContent !== words) pulse.textContent = words;
  pulse.title = live.isHeld ? t('Go on with what is new') : t('Stop what is shown as it is');
  pulse.setAttribute('aria-pressed', String(live.isHeld));
  count(live.server.alarms_firing ?? {});
}
live.addEventListener('change', frame);
live.addEventListener('connection', frame);
// It may have begun before.
if (live.at) frame();

/** The button of the theme: what it is now. */
const ICONS = { auto: 'auto', light: 'sun', dark: 'moon' };
function dress() {
  const button = document.getElementById('theme');
  const words = t('Theme: {theme}', { theme: term('theme', themeOf()) });
  button.title = words;
  button.setAttribute('aria-label', words);
  fill(button, icon(ICONS[themeOf()]));
}
document.getElementById('theme').addEventListener('click', () => theme());
addEventListener('roundsman:theme', dress);
dress();

/** The button of the time zone: which one it is. */
function tellZone() {
  const button = document.getElementById('zone');
  button.textContent = isUtc() ? 'UTC' : t('Local time');
  button.title = t('Times are in {zone}', { zone: zoneName() });
}
document.getElementById('zone').addEventListener('click', () => zone());
addEventListener('roundsman:zone', () => {
  tellZone();
  show();
});
tellZone();

const hold = () => live.hold(!live.isHeld);
document.getElementById('pulse').addEventListener('click', hold);

/** The button of the language: the name of the other one, in itself. */
const language = document.getElementById('language');
language.lang = otherLanguage().tag;
language.textContent = otherLanguage().name;
language.addEventListener('click', changeLanguage);
keys(live, { theme, density, zone, hold });

// As they are where the page was opened: what is relative is so to wherever the reader has gone since.
for (const link of document.querySelectorAll('a[data-link], link[rel=icon], link[rel=manifest]'))
  link.setAttribute('href', link.href);
// The session has ended, or never was.
addEventListener('roundsman:nobody', toLogin);
meet();
// The fleet may be thousands of hosts: it comes behind what the view is opened for.
Promise.resolve(show()).then(() => {
  forget();
  live.start();
});
