// What is said of a host beside its values: its changes of state, and that nobody knows it.

import { glyph, h, link, stateWords } from './dom.js';
import { moment, sentence, told } from './format.js';
import { t } from './i18n.js';
import { at, hostAt } from './place.js';
import { causeWords } from './words.js';

/** Changes of state that are shown. */
const CHANGES = 50;

/** Why nothing is known of a host, and where to go from here. */
export function unknown(name, error) {
  const meant = /did you mean `([^`]+)`/.exec(error.message)?.[1];
  const ways = [...(meant ? [link(hostAt(meant), meant), ' · '] : []), link(at(''), t('All hosts'))];
  return {
    words: [h('h1', {}, name), h('p', { class: 'none' }, error.message)],
    ways: h('p', { class: 'none' }, ways),
  };
}

/** What an event made of a host: a state, or a mark beside the one that it had. */
function becameWords({ from, to, cause }) {
  return from === to ? sentence(causeWords(cause)) : stateWords(to);
}

const today = () => moment(Date.now()).split(' ')[0];

/** When something was: of today the time, before that the day, too. */
function when(ms) {
  const [day, time] = moment(ms).split(' ');
  return h(
    'time',
    { title: `${day} ${time}` },
    day === today() ? time : `${day.slice(5)} ${time.slice(0, 5)}`,
  );
}

const change = (event) =>
  h(
    'li',
    {},
    when(event.at_ms),
    glyph(event.to),
    h('p', {}, h('b', {}, becameWords(event)), ' ', h('span', {}, told(event.reason))),
  );

/** A host's changes of state, newest first; or why they are not known. */
export function changes(events, why = '') {
  const head = h(
    'header',
    {},
    h('h2', {}, t('Changes of state')),
    events ? h('span', { class: 'badge' }, events.length) : null,
  );
  if (!events) return [head, h('p', { class: 'none' }, why)];
  if (events.length === 0) return [head, h('p', { class: 'none' }, t('None is kept.'))];
  const props = { class: 'list ev', role: 'region', 'aria-label': t('Changes of state'), tabIndex: 0 };
  const list = h('ol', { class: 'list ev' }, events.slice(0, CHANGES).map(change));
  return [head, h('div', { ...props, class: 'evs' }, list)];
}
