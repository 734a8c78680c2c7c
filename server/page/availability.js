// For how much of the time hosts answered, and what crossed their network: months beside each other, a row for each
// host, group and all. The address holds what is asked.

import { get } from './api.js';
import { h, fill } from './dom.js';
import { bytes, length, UNKNOWN } from './format.js';
import { t, tn } from './i18n.js';
import { at, hostAt } from './place.js';
import { isUtc, zoneName } from './zone.js';

/** How many months are shown, and the usual. */
const MONTHS = [3, 6, 13];
const USUAL = { show: 'time', months: 3, target: 99.9, day: 1 };
/** From so much of the budget on a cell is amber. */
const NEAR = 0.75;
const MONTH_MS = 30.5 * 864e5;
const LAST_DAY = 28;

const isKnown = (value) => value !== null && value !== undefined;
const sum = (values) => values.reduce((all, one) => all + (one ?? 0), 0);

/** What an address asks for. */
function viewOf(search) {
  const asked = new URLSearchParams(search);
  const target = Number(asked.get('target'));
  const day = Number(asked.get('start_day'));
  const months = Number(asked.get('months'));
  return {
    show: asked.get('show') === 'traffic' ? 'traffic' : USUAL.show,
    months: MONTHS.includes(months) ? months : USUAL.months,
    target: target > 0 && target <= 100 ? target : USUAL.target,
    day: Number.isInteger(day) && day > 0 && day <= LAST_DAY ? day : USUAL.day,
    group: asked.get('group') ?? '',
  };
}

function searchOf({ show, months, target, day, group }) {
  const said = Object.entries({
    show: show === USUAL.show ? '' : show,
    months: months === USUAL.months ? '' : months,
    target: target === USUAL.target ? '' : target,
    start_day: day === USUAL.day ? '' : day,
    group,
  }).filter(([, value]) => value !== '');
  return said.length ? `?${new URLSearchParams(said)}` : '';
}

/** Hours are kept by UTC: in a zone that is half an hour off, days cannot be told. */
const zoneAsked = () => (isUtc() || new Date().getTimezoneOffset() % 60 ? 'UTC' : zoneName());

/** What the server is asked. */
const question = ({ months, target, day, group }) => ({
  from: Math.round(Date.now() - (months - 1) * MONTH_MS),
  target,
  start_day: day,
  group,
  zone: zoneAsked(),
});

const share = (pct) => (isKnown(pct) ? `${(Math.floor(pct * 1000) / 1000).toFixed(3)} %` : UNKNOWN);

/** How a month of availability looks: its class, its text and what is said of it. */
function ofTime(counts, place) {
  const [bad, left] = [counts.bad_ms[place], counts.left_ms[place]];
  const met = counts.met[place];
  const isNear = met && isKnown(left) && bad > 0 && bad >= NEAR * (bad + left);
  const paused = counts.paused_ms[place];
  const unknown = counts.unknown_ms[place];
  const more = [
    t('down for {time}', { time: length(bad) }),
    paused ? t('paused for {time}', { time: length(paused) }) : null,
    unknown ? t('unknown for {time}', { time: length(unknown) }) : null,
    isKnown(left) && left >= 0 ? t('{time} left until the target is missed', { time: length(left) }) : null,
  ];
  const grade = met === false ? 'missed' : isNear ? 'near' : '';
  const known = { text: share(counts.available_pct[place]), grade };
  return isKnown(met)
    ? { ...known, more: more.filter(Boolean).join(' · '), isKnown: true }
    : { ...known, more: '' };
}

/** The same of what crossed the network. */
function ofTraffic(counts, place) {
  const [rx, tx] = [counts.rx_bytes[place], counts.tx_bytes[place]];
  if (!isKnown(rx)) return { text: UNKNOWN, grade: '', more: '' };
  const more = t('counted for {time}', { time: length(counts.counted_ms[place]) });
  return { text: `↓ ${bytes(rx)} ↑ ${bytes(tx)}`, grade: '', more, isKnown: true };
}

/** What stands in a month. What cannot be told by colour alone is said by a sign and in words. */
function cellOf({ text, grade, more, isKnown: has }, search) {
  const sign = grade === 'missed' ? '▼ ' : grade === 'near' ? '△ ' : '';
  const words = { missed: t('target missed'), near: t('most of the budget is used'), '': '' }[grade];
  const title = [words, more].filter(Boolean).join(' · ');
  const inside = `${sign}${text}`;
  const link = (href) =>
    h('a', { href, 'data-link': true, title, 'aria-label': `${text} ${title}`.trim() }, inside);
  return h('td', { class: `num ${grade}`, title }, has && search ? link(search) : inside);
}

/** A row; `name` is its head, `to` says where a month leads. */
function rowOf(name, counts, shape, { show, kind = '', to = () => null }) {
  const cell = show === 'traffic' ? ofTraffic : ofTime;
  const cells = shape.periods.map((period, place) => cellOf(cell(counts, place), to(period)));
  return h('tr', { class: kind }, h('th', { scope: 'row' }, name), cells);
}

/** Hosts by group, each group with its sums before them. */
function bodyOf(shape, view) {
  const { show } = view;
  const end = (period) => Math.min(period.to_ms, shape.known_to_ms);
  const toHost = (host) => (period) => `${hostAt(host)}?from=${period.from_ms}&to=${end(period)}`;
  const nameOf = (host) => h('a', { href: hostAt(host), 'data-link': true }, host);
  const ofGroup = ({ group, hosts, counts }) => [
    rowOf(
      h(
        'span',
        {},
        group ?? t('No group'),
        h('span', { class: 'm' }, ` ${tn(hosts, '{n} host', '{n} hosts')}`),
      ),
      counts,
      shape,
      { show, kind: 'group' },
    ),
    ...shape.hosts
      .filter((one) => one.group === group)
      .map((one) => rowOf(nameOf(one.host), one.counts, shape, { show, to: toHost(one.host) })),
  ];
  return [rowOf(t('All hosts'), shape.all, shape, { show, kind: 'group' }), ...shape.groups.flatMap(ofGroup)];
}

/** The whole span of all hosts, as tiles. */
function tilesOf({ all, periods, hosts }, { show, target }) {
  const over = tn(periods.length, '{n} month', '{n} months');
  const tile = (key, label, figure, sub, grade = '') =>
    h(
      'div',
      { class: `card tile ${grade}`, 'data-tile': key },
      h('div', { class: 'lab' }, label),
      h('div', { class: 'fig' }, figure),
      h('div', { class: 'sub' }, sub),
    );
  const counted = tn(hosts.length, '{n} host', '{n} hosts');
  if (show === 'traffic')
    return [
      tile('rx', t('Received'), sum(all.counted_ms) ? bytes(sum(all.rx_bytes)) : UNKNOWN, over),
      tile('tx', t('Sent'), sum(all.counted_ms) ? bytes(sum(all.tx_bytes)) : UNKNOWN, over),
      tile('counted', t('Counted'), length(sum(all.counted_ms)), t('nothing is added for other time')),
    ];
  const [good, bad] = [sum(all.good_ms), sum(all.bad_ms)];
  const pct = good + bad ? (100 * good) / (good + bad) : null;
  const missed = isKnown(pct) && pct < target ? 'loud' : '';
  return [
    tile('available', t('Answered'), share(pct), `${t('target')} ${target} % · ${counted} · ${over}`, missed),
    tile('bad', t('Did not answer'), length(bad), t('of all hosts together')),
    tile('paused', t('Paused'), length(sum(all.paused_ms)), t('maintenance and pauses')),
    tile('unknown', t('Unknown'), length(sum(all.unknown_ms)), t('neither good nor bad')),
  ];
}

/** What chooses; `changed` is called when something else was chosen. */
function choices(view, changed) {
  const set = (key, value) => {
    view[key] = value;
    changed();
  };
  const button = (show, words) =>
    h(
      'button',
      {
        type: 'button',
        'aria-pressed': String(view.show === show),
        onclick: () => set('show', show),
        'data-show': show,
      },
      words,
    );
  const option = (chosen) => (value) => h('option', { value, selected: value === chosen }, value);
  const choose = (key, label, values) =>
    h(
      'label',
      {},
      label,
      h(
        'select',
        { onchange: (event) => set(key, Number(event.target.value)) },
        values.map(option(view[key])),
      ),
    );
  const target = h('input', {
    type: 'number',
    min: 0.001,
    max: 100,
    step: 0.001,
    value: view.target,
    onchange: (event) => {
      if (event.target.checkValidity() && event.target.value) set('target', Number(event.target.value));
    },
  });
  const days = Array.from({ length: LAST_DAY }, (_, place) => place + 1);
  const isTraffic = view.show === 'traffic';
  return [
    h('div', { class: 'seg' }, button('time', t('Availability')), button('traffic', t('Traffic'))),
    choose('months', t('Months'), MONTHS),
    isTraffic ? choose('day', t('Begins with day'), days) : h('label', {}, t('Target, %'), target),
  ];
}

export function availability() {
  const view = viewOf(location.search);
  const chosen = h('div', { class: 'filters' });
  const tiles = h('div', { class: 'tiles' });
  const [head, body] = [h('thead'), h('tbody')];
  const table = h('table', { class: 'months', hidden: true }, head, body);
  const none = h('p', { class: 'none', role: 'status' });
  const told = h('p', { class: 'm' });
  const csv = h('a', { class: 'btn', download: 'availability.csv' }, 'CSV');
  const asked = { number: 0 };

  function draw(shape) {
    const titles = shape.periods.map(({ name }) => h('th', { scope: 'col', class: 'num' }, name));
    fill(head, h('tr', {}, h('th', { scope: 'col' }, t('Host')), titles));
    fill(body, ...bodyOf(shape, view));
    fill(tiles, ...tilesOf(shape, view));
    table.hidden = shape.hosts.length === 0;
    none.hidden = shape.hosts.length > 0;
    none.textContent = t('No data in this period');
    told.textContent = `${t('By the clock, not by polls; months in {zone}.', { zone: shape.zone })} ${t(
      'Pauses count for nothing, and what the server cannot know is unknown.',
    )}`;
  }

  async function load() {
    asked.number += 1;
    const { number } = asked;
    const params = question(view);
    const said = Object.entries({ ...params, format: 'csv' }).filter(([, value]) => value !== '');
    csv.href = at(`api/v1/availability?${new URLSearchParams(said)}`);
    const answer = await get('api/v1/availability', params).catch((error) => error);
    if (number !== asked.number) return;
    if (!(answer instanceof Error)) {
      draw(answer);
      return;
    }
    table.hidden = true;
    none.hidden = false;
    none.textContent = answer.message;
  }

  function changed() {
    history.replaceState(null, '', at(`availability${searchOf(view)}`));
    fill(chosen, ...choices(view, changed));
    load();
  }

  fill(chosen, ...choices(view, changed));
  const drawn = load();
  return {
    element: h(
      'div',
      { class: 'page availability' },
      h('div', { class: 'title' }, h('h1', {}, t('Availability')), h('span', { class: 'sp' }), chosen, csv),
      tiles,
      h(
        'section',
        { class: 'card', 'aria-label': t('By month') },
        h('div', { class: 'scroll', tabIndex: 0 }, table),
        none,
      ),
      told,
    ),
    leave: () => {
      asked.number += 1;
    },
    drawn,
  };
}
