// Who the reader is, what they may do and see; and the way out. What they may not do is not shown: by the sheet of
// styles, for the role stands at the root.

import { get, post } from './api.js';
import { h, icon } from './dom.js';
import { t, term } from './i18n.js';
import { at, named } from './place.js';

/** Who that is; without a name until it is known. */
export const me = { name: null, role: 'admin', groups: null, how: 'open' };

/** Whether the reader may change something. */
export const mayOperate = () => me.role !== 'viewer';

/** Whether the reader may annotate something of these groups, all where there are none; and take that back. */
export const mayAnnotate = (groups) => mayOperate() && (!me.groups || groups.length > 0);

/** Whether the reader may see what others asked for. */
export const isAdmin = () => me.role === 'admin' && !me.groups;

/** To where one signs in, and then back to here. */
export function toLogin() {
  const here = `/${named(location.pathname)}${location.search}`;
  location.assign(at(`login?${new URLSearchParams({ to: here })}`));
}

async function leave() {
  await post('api/v1/session/end', {}).catch(() => {});
  location.assign(at('login'));
}

/** The name in the head of the page, with the way out where there is one. */
function shown() {
  const role = term('role', me.role);
  const title = me.name ? t('{name}, {role}', { name: me.name, role }) : role;
  const name = me.name ? h('span', { class: 'me', title }, me.name) : null;
  const words = t('Sign out');
  const out = ['session', 'oidc'].includes(me.how)
    ? h(
        'button',
        { class: 'btn bare ic', type: 'button', title: words, 'aria-label': words, onclick: leave },
        icon('out'),
      )
    : null;
  return [name, out].filter(Boolean);
}

/** Asks who the reader is, and shows it. */
export async function meet() {
  try {
    Object.assign(me, await get('api/v1/session'));
  } catch {
    // Nobody says so: the server does, at each order.
    return;
  }
  const { dataset } = document.documentElement;
  dataset.role = me.role;
  dataset.sees = me.groups ? 'some' : 'all';
  document.getElementById('me').replaceChildren(...shown());
}
