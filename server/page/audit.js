// Who asked for which change, and who was refused: for admins.

import { get } from './api.js';
import { h, titles } from './dom.js';
import { moment } from './format.js';
import { t, term } from './i18n.js';
import { isAdmin } from './me.js';

/** The newest so many of the last week. */
const SHOWN = { from: '-7d', limit: 50 };

const whatOf = ({ what, times }) => (times > 1 ? t('{what}, {n} times', { what, n: times }) : what);

const rowOf = (entry) =>
  h(
    'tr',
    {},
    h('td', { class: 'when' }, moment(entry.at_ms)),
    h('td', {}, entry.who ?? (entry.how === 'refused' ? t('refused') : term('how', entry.how))),
    h('td', {}, entry.peer ?? ''),
    h('td', { class: 'words' }, whatOf(entry)),
    h('td', { class: 'num' }, entry.status),
  );

/** The card; it is there once there is something in it. */
export function audit() {
  const body = h('tbody');
  const columns = [t('When'), t('Who'), t('From|an address'), t('What|was asked'), `#${t('Status')}`];
  const region = { class: 'wide', tabIndex: 0, role: 'region', 'aria-label': t('Audit') };
  const element = h(
    'section',
    { class: 'card', hidden: true },
    h('header', {}, h('h2', {}, t('Audit'))),
    h('div', region, h('table', {}, titles(columns), body)),
  );
  return {
    element,
    async load() {
      if (!isAdmin()) return;
      const { entries } = await get('api/v1/audit', SHOWN);
      body.replaceChildren(...entries.map(rowOf));
      element.hidden = entries.length === 0;
    },
  };
}
