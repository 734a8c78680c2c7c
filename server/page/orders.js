// What may be ordered of a host: poll it now, pause it, resume it, accept another machine.

import { h, fill } from './dom.js';
import { post, hostPath } from './api.js';

const LENGTHS = {
  '1h': 'for an hour',
  '4h': 'for 4 hours',
  '24h': 'for a day',
  '7d': 'for a week',
  '': 'until resumed',
};

/** The buttons of a host; `done` is told when an order was carried out. */
export function orders(name, done) {
  const told = h('span', { class: 'soft', role: 'status' });
  async function order(button, doing, ask) {
    button.disabled = true;
    told.textContent = doing;
    try {
      told.textContent = (await ask()) ?? '';
      done();
    } catch (error) {
      told.textContent = error.message;
    } finally {
      button.disabled = false;
    }
  }
  const now = h(
    'button',
    {
      type: 'button',
      onclick: () =>
        order(now, 'Polling …', async () => {
          const poll = await post(`${hostPath(name)}/poll`, {});
          return `Polled: ${poll.outcome}`;
        }),
    },
    'Poll now',
  );

  const length = h(
    'select',
    { 'aria-label': 'How long' },
    Object.entries(LENGTHS).map(([value, words]) => h('option', { value }, words)),
  );
  const reason = h('input', {
    type: 'text',
    maxLength: 200,
    placeholder: 'Why',
    'aria-label': 'Why it is paused',
  });
  const begin = h(
    'button',
    {
      type: 'button',
      onclick: () =>
        order(begin, 'Pausing …', async () => {
          const asked = { reason: reason.value };
          if (length.value) asked.for = length.value;
          await post(`${hostPath(name)}/pause`, asked);
          form.hidden = true;
          open.setAttribute('aria-expanded', 'false');
        }),
    },
    'Pause',
  );
  const form = h(
    'div',
    { class: 'row', hidden: true, role: 'group', 'aria-label': 'Pause' },
    length,
    reason,
    begin,
  );
  const open = h(
    'button',
    {
      type: 'button',
      'aria-expanded': 'false',
      onclick: () => {
        form.hidden = !form.hidden;
        open.setAttribute('aria-expanded', String(!form.hidden));
        if (!form.hidden) length.focus();
      },
    },
    'Pause …',
  );
  const resume = h(
    'button',
    {
      type: 'button',
      hidden: true,
      onclick: () =>
        order(resume, 'Resuming …', async () => {
          await post(`${hostPath(name)}/resume`, {});
        }),
    },
    'Resume',
  );

  const accept = h(
    'button',
    {
      type: 'button',
      onclick: () =>
        order(accept, 'Accepting …', async () => {
          await post(`${hostPath(name)}/accept`, {});
          return 'Accepted: its next answer says which machine it is.';
        }),
    },
    'Accept this machine',
  );
  const wrong = h('p', { class: 'hint', hidden: true });
  fill(
    wrong,
    'Another machine answers than the one that this host was until now. If the host was installed anew or replaced, accept it; if not, its address is wrong. ',
    accept,
  );

  return {
    element: h('div', { class: 'orders' }, h('div', { class: 'row' }, now, open, resume, form, told), wrong),
    /** Shows what can be ordered of a host in this state. */
    show(host) {
      resume.hidden = host.state !== 'paused';
      now.hidden = host.state === 'retired';
      open.hidden = host.state === 'retired' || host.state === 'paused';
      if (open.hidden) form.hidden = true;
      wrong.hidden = host.last?.outcome !== 'wrong_host';
    },
  };
}
