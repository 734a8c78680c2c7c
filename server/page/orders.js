// What may be ordered of a host: poll it now, pause it, resume it, accept another machine.

import { h } from './dom.js';
import { post, hostPath } from './api.js';

const LENGTHS = {
  '1h': 'for an hour',
  '4h': 'for 4 hours',
  '24h': 'for a day',
  '7d': 'for a week',
  '': 'until resumed',
};
const ANOTHER =
  'Another machine answers than the one that this host was until now. If the host was installed again or replaced, ' +
  'accept it; if not, its address is wrong. ';

/** A button that is not pressed twice; what comes of it is told beside it. `ask` gives the words, or none. */
function orderButton(label, doing, told, done, ask) {
  const button = h('button', { type: 'button', onclick: order }, label);
  async function order() {
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
  return button;
}

/** For how long a host is paused, and why: a form that is opened by its button. */
function pausing(name, told, done) {
  const option = ([value, words]) => h('option', { value }, words);
  const length = h('select', { 'aria-label': 'How long' }, Object.entries(LENGTHS).map(option));
  const reason = h('input', {
    type: 'text',
    maxLength: 200,
    placeholder: 'Why',
    'aria-label': 'Why it is paused',
  });
  const show = (isShown) => {
    form.hidden = !isShown;
    open.setAttribute('aria-expanded', String(isShown));
    if (isShown) length.focus();
  };
  const begin = orderButton('Pause', 'Pausing …', told, done, async () => {
    const asked = { reason: reason.value };
    if (length.value) asked.for = length.value;
    await post(`${hostPath(name)}/pause`, asked);
    show(false);
  });
  const form = h(
    'div',
    { class: 'row', hidden: true, role: 'group', 'aria-label': 'Pause' },
    length,
    reason,
    begin,
  );
  const toggle = () => show(form.hidden);
  const open = h('button', { type: 'button', 'aria-expanded': 'false', onclick: toggle }, 'Pause …');
  return {
    open,
    form,
    offer(isOffered) {
      open.hidden = !isOffered;
      if (!isOffered && !form.hidden) show(false);
    },
  };
}

/** The buttons of a host; `done` is called when an order was carried out. */
export function orders(name, done) {
  const told = h('span', { class: 'soft', role: 'status' });
  const order = (label, doing, ask) => orderButton(label, doing, told, done, ask);
  const send = (what) => post(`${hostPath(name)}/${what}`, {});
  const now = order('Poll now', 'Polling …', async () => `Polled: ${(await send('poll')).outcome}`);
  const pause = pausing(name, told, done);
  const resume = order('Resume', 'Resuming …', async () => {
    await send('resume');
  });
  resume.hidden = true;
  const accept = order('Accept this machine', 'Accepting …', async () => {
    await send('accept');
    return 'Accepted: its next answer says which machine it is.';
  });
  const wrong = h('p', { class: 'hint', hidden: true }, ANOTHER, accept);
  const row = h('div', { class: 'row' }, now, pause.open, resume, pause.form, told);
  return {
    element: h('div', { class: 'orders' }, row, wrong),
    /** Shows what can be ordered of a host in this state. */
    show(host) {
      resume.hidden = host.state !== 'paused';
      now.hidden = host.state === 'retired';
      pause.offer(host.state !== 'retired' && host.state !== 'paused');
      wrong.hidden = host.last?.outcome !== 'wrong_host';
    },
  };
}
