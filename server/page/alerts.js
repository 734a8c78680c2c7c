// The page of alarms: what fires now, what is silenced, what there was. The address holds the filters.

import { h, hostLink, icon, link, renew, state, titles } from './dom.js';
import { get } from './api.js';
import { endSilence } from './deeds.js';
import { SPANS, USUAL } from './events.js';
import { firing } from './firing.js';
import { moment } from './format.js';
import { t, term, tn, tp } from './i18n.js';
import { listing } from './listing.js';
import { at } from './place.js';
import { inWords } from './sentences.js';

const PAGE = 100;
/** How often it is asked again while nothing changes, ms: values do, and others act, too. */
const EVERY = 5000;

function viewOf(search) {
  const asked = new URLSearchParams(search);
  const span = asked.get('span');
  return {
    host: asked.get('host') ?? '',
    rule: asked.get('rule') ?? '',
    span: SPANS[span] ? span : USUAL,
  };
}

function searchOf({ host, rule, span }) {
  const said = Object.entries({ host, rule, span: span === USUAL ? '' : span }).filter(([, value]) => value);
  return said.length ? `?${new URLSearchParams(said)}` : '';
}

/** Why an alarm changed; that its values did needs no word. */
const causeOf = (cause) =>
  cause === 'values'
    ? ''
    : term('alarm_cause', cause, cause === 'missing' ? 'its values were missing for too long' : undefined);

function eventRow(event) {
  const words = [event.summary && inWords(event.summary), causeOf(event.cause)].filter(Boolean).join(' · ');
  const colour = event.to === 'ok' ? 'up' : event.severity;
  // One that was firing before and is now has another severity.
  const severity = term('severity', event.severity);
  const became = event.from === event.to ? t('now {severity}', { severity }) : term('alarm_state', event.to);
  return h(
    'tr',
    {},
    h('td', { class: 'when' }, moment(event.slot_ms)),
    h('td', {}, hostLink(event.host)),
    h('td', {}, h('b', {}, event.rule), event.row ? ` ${event.row}` : null),
    h('td', { class: 'to' }, state(colour, became)),
    h('td', {}, severity),
    h('td', { class: 'words' }, words),
  );
}

/** What was: changes of alarms. */
const history = (view) =>
  listing({
    label: t('Changes of alarms'),
    columns: [t('When'), t('Host'), t('Rule'), t('Became'), t('Severity'), t('What')],
    keyOf: (event) =>
      JSON.stringify([event.slot_ms, event.host, event.rule, event.row, event.from, event.to]),
    rowOf: eventRow,
    at: (event) => event.slot_ms,
    none: t('No alert in this period'),
    about: () => view,
    ask: (to) =>
      get('api/v1/alert_events', { from: view.span, to, host: view.host, rule: view.rule, limit: PAGE }),
  });

/** What a silence is about, in words. */
function scope(one) {
  const labels = Object.entries(one.labels).map((pair) => pair.join('='));
  const parts = [
    [t('rule'), one.rules],
    [t('host'), one.hosts],
    [t('row'), one.rows],
    [t('group'), one.groups],
    [t('label'), labels],
    [t('severity'), one.severity.map((severity) => term('severity', severity))],
  ].filter(([, all]) => all.length);
  return parts.map(([what, all]) => `${what} ${all.join(t(', '))}`).join(' · ');
}

/** The silences in force; `done` is called when one was ended. */
function silencing(done) {
  const body = h('tbody', {});
  const columns = [t('What|is silenced'), t('Why'), t('Who'), t('Until'), `#${t('Holds back')}`, ''];
  const region = { class: 'wide', tabIndex: 0, role: 'region', 'aria-label': t('Silences') };
  const list = h('div', region, h('table', { class: 'silences' }, titles(columns), body));
  const wrong = h('p', { class: 'wrong', role: 'alert' });
  const element = h(
    'section',
    { class: 'card', hidden: true },
    h('header', {}, icon('bell-off'), h('h2', {}, t('Silenced'))),
    list,
    wrong,
  );
  let rows = new Map();
  function rowOf(one) {
    const end = async () => {
      wrong.textContent = '';
      await endSilence(one.id).then(done, (error) => {
        wrong.textContent = error.message;
      });
    };
    const cells = ['what', 'why', 'by', 'until', 'num'].map((name) => h('td', { class: name }));
    const props = { type: 'button', onclick: end, 'aria-label': t('End: {why}', { why: one.why }) };
    const button = h('button', props, t('End'));
    return { row: h('tr', {}, cells, h('td', { class: 'deeds' }, button)), cells };
  }
  return {
    element,
    draw(all) {
      const made = all.map((one) => {
        const known = rows.get(one.id) ?? rowOf(one);
        const time = moment(one.until_ms);
        const until = one.until_clear ? t('{time}, or until it is over', { time }) : time;
        const held = tn(one.alarms, '{n} alarm', '{n} alarms');
        [scope(one), one.why, one.who, until, held].forEach((words, place) =>
          renew(known.cells[place], words),
        );
        return [one.id, known];
      });
      rows = new Map(made);
      body.replaceChildren(...made.map(([, { row }]) => row));
      element.hidden = all.length === 0;
    },
  };
}

/** What chooses the alarms; `changed` is called when others were chosen. */
function filters(view, changed) {
  const set = (key) => (event) => {
    view[key] = event.target.value.trim();
    changed();
  };
  const host = h('input', {
    type: 'search',
    value: view.host,
    placeholder: t('Host'),
    'aria-label': t('Only this host'),
    onchange: set('host'),
  });
  const option = (chosen) => (value, words) => h('option', { value, selected: value === chosen }, words);
  const rules = h('select', { 'aria-label': t('Only this rule'), onchange: set('rule') });
  const offer = (names) => {
    const all = [...new Set([...names, view.rule])].filter(Boolean);
    const one = option(view.rule);
    renew(rules, one('', t('All rules')), ...all.map((name) => one(name, name)));
    rules.value = view.rule;
  };
  offer([]);
  const span = h(
    'select',
    { onchange: set('span') },
    Object.entries(SPANS).map(([value, words]) => option(view.span)(value, words)),
  );
  const past = h('label', {}, t('History of'), span);
  const only = h('label', { class: 'field' }, icon('filter'), host);
  return { offer, element: h('div', { class: 'filters' }, rules, past, only) };
}

/** What is said where no alarm fires. */
function nothing(view, page) {
  const filtered = view.host || view.rule;
  if (filtered) return [h('p', {}, t('No alert matches the filter')), link(at('alerts'), t('All alerts'))];
  if (page.rules === 0) return [h('p', {}, t('No rule is in force'))];
  const rules = tn(page.rules, '{n} rule', '{n} rules');
  const own = page.source
    ? null
    : h(
        'p',
        {},
        tp('These rules come with Roundsman. {command} writes them to a file of your own.', {
          command: h('code', {}, 'roundsman alerts defaults > alerts.toml'),
        }),
      );
  return [h('p', {}, t('No alert fires. {rules}, evaluated on each poll.', { rules })), own];
}

/** Why the file of rules as it is now is not in force. */
const refused = (error) =>
  error ? [h('h2', {}, t('The rules file is not in force')), h('pre', { tabIndex: 0 }, error)] : [];

export function alerts(live) {
  const view = viewOf(location.search);
  const was = history(view);
  const silences = silencing(() => now.load());
  const wrong = h('section', { class: 'card', hidden: true });
  const now = firing({
    filter: () => ({ host: view.host, rule: view.rule }),
    none: (page) => nothing(view, page),
    heard(page, all) {
      silences.draw(all);
      wrong.hidden = !page.error;
      renew(wrong, refused(page.error));
    },
  });
  const chosen = () => {
    window.history.replaceState(null, '', at(`alerts${searchOf(view)}`));
    now.load();
    was.load();
  };
  const choose = filters(view, chosen);
  get('api/v1/alert_rules').then(
    ({ rules }) => choose.offer(rules.map(({ name }) => name)),
    () => {},
  );
  const titled = (title, ...beside) =>
    h('header', {}, h('h2', {}, title), h('span', { class: 'sp' }), beside);
  const hour = h('span', { class: 'm t1' }, t('Last hour, dashed: limit'));
  const element = h(
    'div',
    { class: 'page' },
    h('div', { class: 'title' }, h('h1', {}, t('Alerts')), h('span', { class: 'sp' }), choose.element),
    wrong,
    h('section', { class: 'card', 'aria-label': t('Firing now') }, titled(t('Firing'), hour), now.elements),
    silences.element,
    h('section', { class: 'card' }, titled(t('History')), was.elements),
  );
  const seen = () => JSON.stringify([live.server.alarms_firing, live.alarms()]);
  let before = seen();
  const changed = () => {
    const moved = seen() !== before;
    before = seen();
    if (moved || now.age() > EVERY) now.load();
    // What has just begun is in the store some seconds later.
    if (!was.read.turned && Date.now() - was.read.at > EVERY) was.load();
  };
  live.addEventListener('change', changed);
  now.load();
  was.load();
  return {
    element,
    leave: () => {
      live.removeEventListener('change', changed);
      now.leave();
      was.leave();
    },
  };
}
