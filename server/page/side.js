// What stands beside the fleet: alarms with what can be done, the last changes, the fullest disks, the busiest hosts.

import { glyph, h, hostLink, icon, link, renew } from './dom.js';
import { get, hostPath } from './api.js';
import { level } from './columns.js';
import { acknowledge } from './deeds.js';
import { length, moment, NATURAL, parted, percent, rate, shortMoment, told } from './format.js';
import { t, term } from './i18n.js';
import { SEVERITIES } from './live.js';
import { at, hostAt } from './place.js';
import { isFresh } from './sums.js';
import { alarmWords } from './trouble.js';
import { causeWords, outcomeWithin } from './words.js';
import { inWords } from './sentences.js';

/** Rows of a card at most. */
const ROWS = 5;
const CHANGES = 7;
/** How often it is asked again when disks are full, ms; how far back, and from how much of it on, is concluded, ms. */
const FILLING_EVERY = 60_000;
const DAY = 864e5;
const LEAST = DAY / 24;
/** The longest time to a full disk that is told, days. */
const FAR = 90;

function card(title, ...beside) {
  const list = h('ul', { class: 'list' });
  const count = h('span', { class: 'badge', hidden: true });
  const element = h(
    'section',
    { class: 'card', hidden: true },
    h('header', {}, h('h2', {}, title), count),
    list,
  );
  element.firstChild.append(h('span', { class: 'sp' }), ...beside);
  return { element, list, count };
}

/** The alarms that fire, gravest first, each with its button. */
export function alarms(news) {
  const { element, list, count } = card(t('Alerts'), link(at('alerts'), t('All alerts')));
  list.className = 'list fire';
  let shown = new Map();
  const done = () => news().load();
  function rowOf(first) {
    const held = { alarm: first };
    const words = h('div', {});
    const ack = h(
      'button',
      { type: 'button', class: 'btn sm lift', onclick: () => acknowledge(held.alarm, done) },
      t('Ack'),
    );
    const row = h('li', {}, h('span', {}), words, ack);
    return {
      row,
      renew(alarm, now) {
        held.alarm = alarm;
        const { severity, rule, fired_ms: fired, since_ms: since } = alarm;
        row.className = alarm.acked_by || alarm.silenced_by?.length ? 'calm' : severity;
        renew(row.firstChild, icon(alarm.silenced_by?.length ? 'bell-off' : 'bell'));
        const state = alarm.acked_by
          ? t('acked by {who}', { who: alarm.acked_by })
          : alarm.silenced_by?.length
            ? t('silenced')
            : term('severity', severity);
        const line = `${state} · ${length(now - (fired ?? since))} · ${rule}`;
        renew(
          words,
          h('b', {}, hostLink(alarm.host)),
          ` ${alarmWords(alarm)}`,
          h('p', { class: 'm2 t1' }, line),
        );
        words.title = inWords(alarm.summary ?? rule);
        ack.hidden = Boolean(alarm.acked_by);
        ack.setAttribute('aria-label', t('Ack {rule} on {host}', { rule, host: alarm.host }));
      },
    };
  }
  const order = (a, b) =>
    Boolean(a.acked_by) - Boolean(b.acked_by) ||
    SEVERITIES.indexOf(a.severity) - SEVERITIES.indexOf(b.severity) ||
    (b.fired_ms ?? 0) - (a.fired_ms ?? 0) ||
    NATURAL.compare(a.host, b.host);
  return {
    element,
    draw(all, now) {
      const some = [...all].sort(order).slice(0, ROWS);
      const made = some.map((alarm) => {
        const key = JSON.stringify([alarm.host, alarm.rule, alarm.row]);
        const one = shown.get(key) ?? rowOf(alarm);
        one.renew(alarm, now);
        return [key, one];
      });
      shown = new Map(made);
      list.replaceChildren(...made.map(([, { row }]) => row));
      count.textContent = all.length;
      count.hidden = element.hidden = all.length === 0;
    },
  };
}

/** What an event says in few words. */
function brief({ from, to, cause, outcome, reason }) {
  if (from === to) return causeWords(cause);
  return outcome && (to === 'down' || to === 'suspect') ? outcomeWithin(outcome) : reason;
}

/** The last changes of state. */
export function changes() {
  const { element, list } = card(t('Recent changes'), link(at('events'), t('All events')));
  list.className = 'list ev';
  return {
    element,
    draw(events) {
      const rows = events.slice(0, CHANGES).map((event) => {
        const [, time] = moment(event.at_ms).split(' ');
        const when = shortMoment(event.at_ms).length > 5 ? shortMoment(event.at_ms) : time;
        const words = brief(event);
        return h(
          'li',
          {},
          h('span', { class: 'm' }, when),
          glyph(event.to),
          h(
            'span',
            { class: 'clip', title: told(event.reason) },
            h('b', {}, hostLink(event.host)),
            ` ${words}`,
          ),
        );
      });
      renew(list, rows);
      element.hidden = events.length === 0;
    },
  };
}

/** A host with a share: name, figure, bar, and what is said behind it. */
function shareRow(host, value, words, fillPct, after = null) {
  const [figure, unit] = parted(words);
  const part = h('i', {});
  part.style.width = `${Math.min(100, Math.max(0, fillPct)).toFixed(0)}%`;
  const grade = value === null ? '' : level(value);
  return h(
    'li',
    { class: grade },
    h('a', { class: 'cover clip', href: hostAt(host.name), 'data-link': true }, h('b', {}, host.name)),
    h('span', { class: 'val' }, figure, ' ', h('u', {}, unit)),
    h('span', { class: 'bar' }, part),
    after === null ? h('span', { class: 'm clip' }, host.group ?? '') : h('span', { class: 'after' }, after),
  );
}

/** In how many days a disk is full, when it goes on as it did; null when that is not known, or far away. */
function fullIn(points, step) {
  const known = points.flatMap((value, place) => (value === null ? [] : [[place * step, value]]));
  if (known.length < 2) return null;
  const [[begin, first], [end, last]] = [known[0], known.at(-1)];
  if (end - begin < LEAST || last <= first) return null;
  const days = ((100 - last) * (end - begin)) / ((last - first) * DAY);
  return days <= FAR ? days : null;
}
const inDays = (days) => {
  if (days === null) return '';
  const time = days < 2 ? t('{n} h', { n: Math.round(days * 24) }) : t('{n} days', { n: Math.round(days) });
  return t('full in {time}', { time });
};

/** The fullest disks, and when they are full. */
export function disks() {
  const { element, list } = card(t('Fullest disks'), h('span', { class: 'm t1' }, t('at the pace of 24 h')));
  list.className = 'list shares';
  const full = new Map();
  let asked = 0;
  let left = false;
  async function learn(hosts) {
    if (Date.now() - asked < FILLING_EVERY) return;
    asked = Date.now();
    for (const { name } of hosts) {
      const asking = {
        columns: 'fs_used_max_pct',
        from: '-24h',
        points: 48,
        digits: 5,
        fields: 'step_ms,columns.avg',
      };
      const said = await get(`${hostPath(name)}/series`, asking).catch(() => null);
      if (left) return;
      if (said) full.set(name, fullIn(said.columns[0]?.avg ?? [], said.step_ms));
    }
  }
  return {
    element,
    leave() {
      left = true;
    },
    draw(hosts) {
      const known = hosts.filter((host) => isFresh(host) && host.fs_used_max_pct !== null);
      const top = known.sort((a, b) => b.fs_used_max_pct - a.fs_used_max_pct).slice(0, ROWS);
      learn(top);
      renew(
        list,
        top.map((host) => {
          const value = host.fs_used_max_pct;
          return shareRow(host, value, percent(value), value, inDays(full.get(host.name) ?? null));
        }),
      );
      element.hidden = top.length === 0;
    },
  };
}

const BUSY = {
  CPU: { value: (host) => host.cpu_busy_pct, words: percent, isShare: true },
  [t('Memory')]: { value: (host) => host.mem_used_pct, words: percent, isShare: true },
  [t('Network')]: {
    value: (host) => (host.net_rx_bytes_per_s ?? 0) + (host.net_tx_bytes_per_s ?? 0),
    words: rate,
  },
};

/** The hosts that do most. */
export function busiest(changed) {
  let by = 'CPU';
  const press = (word) => () => {
    by = word;
    changed();
  };
  const buttons = Object.keys(BUSY).map((word) =>
    h('button', { type: 'button', onclick: press(word) }, word),
  );
  const segment = h('div', { class: 'seg sm', role: 'group', 'aria-label': t('By') }, buttons);
  const { element, list } = card(t('Busiest now'), segment);
  list.className = 'list shares';
  return {
    element,
    draw(hosts) {
      const { value, words, isShare } = BUSY[by];
      for (const button of buttons) button.setAttribute('aria-pressed', String(button.textContent === by));
      const known = hosts.filter((host) => isFresh(host) && value(host) !== null);
      const top = known.sort((a, b) => value(b) - value(a)).slice(0, ROWS);
      const most = isShare ? 100 : value(top[0] ?? {}) || 1;
      renew(
        list,
        top.map((host) =>
          shareRow(host, isShare ? value(host) : null, words(value(host)), (value(host) / most) * 100),
        ),
      );
      element.hidden = top.length === 0;
    },
  };
}
