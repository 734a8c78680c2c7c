// What may be ordered of a host: poll it now, silence it, pause it, resume it, accept another machine.

import { h, icon } from './dom.js';
import { post, hostPath } from './api.js';
import { ask, choice, field, silence } from './deeds.js';
import { t } from './i18n.js';
import { outcomeWithin } from './words.js';

const LENGTHS = {
  '1h': t('for an hour'),
  '4h': t('for 4 hours'),
  '24h': t('for a day'),
  '7d': t('for a week'),
  '': t('until resumed'),
};
const ANOTHER =
  t('Another machine answers than the one that this host was until now. ') +
  t('If the host was installed again or replaced, accept it; if not, its address is wrong.');

/** A button with its icon; on a phone the icon stands alone. */
const button = (sign, words, onclick) =>
  h(
    'button',
    { type: 'button', class: 'btn', title: words, 'aria-label': words, onclick },
    icon(sign, 's'),
    h('span', {}, words),
  );

/** A button that is not pressed twice; what comes of it is told beside it. `order` gives the words, or none. */
function orderButton(sign, label, doing, told, done, order) {
  const made = button(sign, label, async () => {
    made.disabled = true;
    told.textContent = doing;
    try {
      told.textContent = (await order()) ?? '';
      done();
    } catch (error) {
      told.textContent = error.message;
    } finally {
      made.disabled = false;
    }
  });
  return made;
}

/** Asks for how long a host is paused, and why. */
function pause(name, done) {
  const length = choice(t('How long'), LENGTHS);
  const reason = field(t('Why'), { placeholder: t('Not needed') });
  ask({
    title: t('Pause {host}', { host: name }),
    about: t('It is polled as before; its state stands still, and nobody is told of it.'),
    fields: [length.element, reason.element],
    word: t('Pause'),
    done,
    async send() {
      const asked = { reason: reason.input.value };
      if (length.select.value) asked.for = length.select.value;
      await post(`${hostPath(name)}/pause`, asked);
    },
  });
}

/** The buttons of a host; `done` is called when an order was carried out. */
export function orders(name, done) {
  const told = h('span', { class: 'm', role: 'status' });
  const order = (sign, label, doing, act) => orderButton(sign, label, doing, told, done, act);
  const send = (what) => post(`${hostPath(name)}/${what}`, {});
  const now = order('poll', t('Poll now'), t('Polling…'), async () => {
    const { outcome } = await send('poll');
    return t('Polled: {outcome}', { outcome: outcomeWithin(outcome) });
  });
  const quiet = button('bell-off', t('Silence…'), () => silence({ host: name }, done));
  const stop = button('pause', t('Pause…'), () => pause(name, done));
  const resume = order('poll', t('Resume'), t('Resuming…'), async () => {
    await send('resume');
  });
  resume.hidden = true;
  const accept = order('check', t('Accept this machine'), t('Accepting…'), async () => {
    await send('accept');
    return t('Accepted: its next answer says which machine it is.');
  });
  const wrong = h('p', { class: 'hint', hidden: true }, ANOTHER, ' ', accept);
  return {
    element: h('div', { class: 'orders' }, told, now, quiet, stop, resume),
    wrong,
    /** Shows what can be ordered of a host in this state. */
    show(host) {
      resume.hidden = host.state !== 'paused';
      now.hidden = host.state === 'retired';
      stop.hidden = host.state === 'retired' || host.state === 'paused';
      wrong.hidden = host.last?.outcome !== 'wrong_host';
    },
  };
}
