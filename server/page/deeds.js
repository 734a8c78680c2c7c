// What is done about an alarm: it is acknowledged, or silenced. Each is asked for in a dialog.

import { h } from './dom.js';
import { hostPath, post } from './api.js';
import { t } from './i18n.js';
import { me } from './me.js';
import { ruleWords } from './words.js';

/** Under which the browser remembers who acts. */
const WHO = 'who';
const LENGTHS = {
  '1h': t('for an hour'),
  '4h': t('for 4 hours'),
  '24h': t('for a day'),
  '': t('until it is over'),
};
/** What the server takes of a reason or a name, characters. */
const LONGEST = 200;

let open = null;

/** A text that is asked for. */
export function field(label, props) {
  const input = h('input', { type: 'text', maxLength: LONGEST, autocomplete: 'off', ...props });
  return { input, element: h('label', { class: 'field' }, h('span', {}, label), input) };
}

/** Asks who acts, where nobody has signed in under a name of their own. */
export function whoField() {
  if (me.name) return { element: null, said: {}, keep() {} };
  const { input, element } = field(t('Who'), { required: true, value: localStorage.getItem(WHO) ?? '' });
  return {
    element,
    get said() {
      return { who: input.value };
    },
    keep: () => localStorage.setItem(WHO, input.value),
  };
}

/** Why something is silenced, most often: a click each, for those who have no keys at hand. */
const REASONS = [t('Known problem'), t('Maintenance'), t('Somebody is on it')];

const reasons = (input) =>
  REASONS.map((words) => {
    const take = () => {
      input.value = words;
    };
    return h('button', { type: 'button', class: 'chip', onclick: take }, words);
  });

/** One of some values, by words. */
export function choice(label, all) {
  const options = Object.entries(all).map(([value, words]) => h('option', { value }, words));
  const select = h('select', {}, options);
  return { select, element: h('label', { class: 'field' }, h('span', {}, label), select) };
}

/** Asks before something is done: `send` does it, and why it was refused stands in the dialog, which stays. */
export function ask({ title, about, fields, word, send, done }) {
  const wrong = h('p', { class: 'wrong', role: 'alert' });
  const go = h('button', { type: 'submit', class: 'first' }, word);
  const cancel = h('button', { type: 'button', onclick: () => dialog.close() }, t('Cancel'));
  async function submit(event) {
    event.preventDefault();
    go.disabled = true;
    wrong.textContent = '';
    try {
      await send();
      dialog.close();
      done();
    } catch (error) {
      wrong.textContent = error.message;
    } finally {
      go.disabled = false;
    }
  }
  const words = [h('h2', {}, title), h('p', { class: 'soft' }, about)];
  const form = h('form', { onsubmit: submit }, words, fields, wrong, h('div', { class: 'row' }, go, cancel));
  const dialog = show(title, form);
}

/** Shows a dialog until it is closed, or its page is left. */
export function show(title, ...children) {
  const closed = () => {
    dialog.remove();
    // The next one may be open before this is told.
    if (open === dialog) open = null;
  };
  const dialog = h('dialog', { 'aria-label': title, onclose: closed }, ...children);
  open = dialog;
  document.body.append(dialog);
  dialog.showModal();
  return dialog;
}

/** Closes what is asked: its page is left. */
export const closeDeeds = () => open?.close();

const spoken = (alarm) => t('{alarm} on {host}', { alarm: ruleWords(alarm), host: alarm.host });

/** The path of what is done to an alarm. */
const pathOf = ({ host, rule, row }, deed) =>
  `${hostPath(host)}/alert/${deed}?${new URLSearchParams(row ? { rule, row } : { rule })}`;

/** Acknowledges an alarm: somebody has it in hand. */
export function acknowledge(alarm, done) {
  const who = whoField();
  const note = field(t('Note'), { placeholder: t('Not needed') });
  ask({
    title: t('Acknowledge'),
    about: t('{alarm}. Nobody else is told of it again until it is over or gets worse.', {
      alarm: spoken(alarm),
    }),
    fields: [who.element, note.element],
    word: t('Acknowledge'),
    done,
    async send() {
      const said = { ...who.said };
      if (note.input.value) said.note = note.input.value;
      await post(pathOf(alarm, 'ack'), said);
      who.keep();
    },
  });
}

/** The other way. */
export const takeBack = (alarm) => post(pathOf(alarm, 'unack'), {});

/** What a silence may be about, by words; without a rule it is the whole host. */
function scopes({ host, rule, row }) {
  const all = t('all alarms of {host}', { host });
  if (!rule) return { [all]: { hosts: [host] } };
  const of = row ? { [spoken({ host, rule, row })]: { rules: [rule], hosts: [host], rows: [row] } } : {};
  return {
    ...of,
    [spoken({ host, rule })]: { rules: [rule], hosts: [host] },
    [t('{rule} on all hosts', { rule })]: { rules: [rule] },
    [all]: { hosts: [host] },
  };
}

/** Silences an alarm, or all that are like it; `{ host }` alone all of a host. */
export function silence(alarm, done) {
  const all = scopes(alarm);
  const what = choice(
    t('What|is silenced'),
    Object.fromEntries(Object.keys(all).map((words) => [words, words])),
  );
  const long = choice(t('How long'), LENGTHS);
  const [why, who] = [field(t('Why'), { required: true, autofocus: true }), whoField()];
  ask({
    title: t('Silence'),
    about: t('Nobody is told while it is silenced. It is judged and shown as before.'),
    fields: [
      what.element,
      long.element,
      why.element,
      h('div', { class: 'row' }, reasons(why.input)),
      who.element,
    ],
    word: t('Silence'),
    done,
    async send() {
      const { value } = long.select;
      const length = value ? { for: value } : { until_clear: true };
      const said = { ...all[what.select.value], ...length, ...who.said, why: why.input.value };
      await post('api/v1/silences', said);
      who.keep();
    },
  });
}

/** Ends a silence before its time. */
export const endSilence = (id) => post(`api/v1/silences/${encodeURIComponent(id)}/end`, {});
