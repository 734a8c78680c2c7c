// What may be ordered of a host: poll it now, silence it, pause it, resume it, accept another machine.

import { h, icon } from './dom.js';
import { post, hostPath } from './api.js';
import { ask, choice, field, silence } from './deeds.js';
import { outcomeWords } from './words.js';

const LENGTHS = {
  '1h': 'for an hour',
  '4h': 'for 4 hours',
  '24h': 'for a day',
  '7d': 'for a week',
  '': 'until resumed',
};
const ANOTHER =
  'Another machine answers than the one that this host was until now. If the host was installed again or replaced, ' +
  'accept it; if not, its address is wrong.';

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
  const length = choice('How long', LENGTHS);
  const reason = field('Why', { placeholder: 'Not needed' });
  ask({
    title: `Pause ${name}`,
    about: 'It is not polled while it is paused, and nobody is told of it.',
    fields: [length.element, reason.element],
    word: 'Pause',
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
  const now = order('poll', 'Poll now', 'Polling…', async () => {
    const { outcome } = await send('poll');
    return `Polled: ${outcomeWords(outcome).toLowerCase()}`;
  });
  const quiet = button('bell-off', 'Silence…', () => silence({ host: name }, done));
  const stop = button('pause', 'Pause…', () => pause(name, done));
  const resume = order('poll', 'Resume', 'Resuming…', async () => {
    await send('resume');
  });
  resume.hidden = true;
  const accept = order('check', 'Accept this machine', 'Accepting…', async () => {
    await send('accept');
    return 'Accepted: its next answer says which machine it is.';
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
