// What people and scripts said of moments: deployments and notes, as marks of graphs; how one is added, and taken back.

import { get, post } from './api.js';
import { notesOf } from './asked.js';
import { ask, choice, field, show, whoField } from './deeds.js';
import { h } from './dom.js';
import { moment } from './format.js';
import { t, term } from './i18n.js';
import { mayAnnotate } from './me.js';

/** What tells open graphs that there is a new one, or one less. */
const CHANGED = 'roundsman:annotated';
const changed = () => dispatchEvent(new Event(CHANGED));

const KINDS = ['deploy', 'note'];
const kindWords = (kind) => term('annotation_kind', kind);

/** The marks of some hosts, as the server is asked about them, between two moments; none where they cannot be read. */
export async function annotated(hosts, ends) {
  const answer = await get(...notesOf(hosts, ends)).catch(() => null);
  return (answer?.annotations ?? []).map(
    ({ id, at_ms: at, until_ms: until, kind, text: words, who, groups }) => ({
      id,
      at,
      until,
      kind,
      words,
      said: `${kindWords(kind)}${t(': ')}${words} (${who})`,
      isOwn: mayAnnotate(groups),
    }),
  );
}

/** Calls `again` whenever one is added or removed on this page, until what comes back is called. */
export function onAnnotated(again) {
  addEventListener(CHANGED, again);
  return () => removeEventListener(CHANGED, again);
}

/** Asks whether one is to be removed, and removes it. */
function remove({ id, at, said }) {
  ask({
    title: t('Remove annotation'),
    about: `${moment(at)} · ${said}`,
    fields: [],
    word: t('Remove'),
    send: () => post(`api/v1/annotations/${encodeURIComponent(id)}/remove`, {}),
    done: changed,
  });
}

/** Lists those among the marks of a graph; who may remove one has a button for it. */
export function listed(marks) {
  const entry = (one) => {
    const onclick = () => {
      dialog.close();
      remove(one);
    };
    const props = { type: 'button', 'aria-label': t('Remove: {text}', { text: one.words }), onclick };
    const button = one.isOwn ? h('button', props, t('Remove')) : null;
    return h('li', {}, h('span', {}, h('span', { class: 'm' }, moment(one.at)), ` ${one.said}`), button);
  };
  const dialog = show(
    t('Annotations'),
    h('h2', {}, t('Annotations')),
    h('ul', { class: 'said-list' }, marks.filter(({ said }) => said).map(entry)),
    h('button', { type: 'button', onclick: () => dialog.close() }, t('Close')),
  );
}

/** What one may be about: the hosts at hand, as the server is told of them, by words; the first is meant at first. */
function scopesOf({ hosts = [], group = '' }) {
  const all = {};
  if (hosts.length === 1) all[t('Host {host}', { host: hosts[0] })] = { hosts };
  else if (hosts.length) all[t('The {n} hosts shown', { n: hosts.length })] = { hosts };
  if (group) all[t('Group {group}', { group })] = { groups: [group] };
  return { ...all, [t('All hosts')]: {} };
}

/** Asks what there is to say of a moment, and keeps it. `about`: `hosts`, their `group`, or neither. */
export function annotate(about, at = Date.now()) {
  const all = scopesOf(about);
  const text = field(t('Text'), { required: true, autofocus: true });
  const kind = choice(t('Kind'), Object.fromEntries(KINDS.map((one) => [one, kindWords(one)])));
  const what = choice(t('About'), Object.fromEntries(Object.keys(all).map((words) => [words, words])));
  const who = whoField();
  ask({
    title: t('Annotate'),
    about: t('Marks {moment} on the charts.', { moment: moment(at) }),
    fields: [text.element, h('div', { class: 'row' }, kind.element, what.element), who.element],
    word: t('Annotate'),
    async send() {
      const said = { text: text.input.value, kind: kind.select.value, ...who.said };
      await post('api/v1/annotations', {
        ...said,
        ...all[what.select.value],
        at: new Date(at).toISOString(),
      });
    },
    done: changed,
  });
}
