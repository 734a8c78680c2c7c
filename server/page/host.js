// One host: its state and why, orders, charts, what repeats, its changes of state, the ledger.

import { became, h, fill, state, marks } from './dom.js';
import { length, micros, moment } from './format.js';
import { get, hostPath } from './api.js';
import { bands } from './band.js';
import { charts } from './charts.js';
import { ledger } from './ledger.js';
import { orders } from './orders.js';
import { at, hostAt } from './place.js';
import { tables } from './tables.js';

const RANGES = { '15m': 9e5, '1h': 36e5, '6h': 216e5, '24h': 864e5, '7d': 6048e5, '30d': 2592e6 };
const USUAL = '1h';
/** A finger scrolls where a mouse drags. */
const DRAGS = matchMedia('(pointer: fine)').matches;
/** Changes of state that are shown. */
const CHANGES = 50;
/** What is shown of the host. */
const HOST =
  'group,labels,addresses,schedule,state,since_ms,flapping,unreachable_because,paused_until_ms,reason,cause,facts,last_good_at_ms,last.slot_ms,last.outcome,last.error,last.call_us,last.detail';
/** How often what the store keeps is read again, ms. */
const KEPT_EVERY = 5000;

const titled = (words) => h('th', { scope: 'col' }, words);

export function host(live, name) {
  const asked = new URLSearchParams(location.search);
  let range = RANGES[asked.get('range')] ? asked.get('range') : USUAL;
  let fixed =
    Number(asked.get('from')) && Number(asked.get('to'))
      ? [Number(asked.get('from')), Number(asked.get('to'))]
      : null;
  const parts = Object.fromEntries(['said', 'events'].map((part) => [part, h('div', {})]));
  const drawn = charts(
    name,
    (from, to) => {
      fixed = [from, to];
      address(true);
      loadCharts();
      attempts.load();
    },
    () => span.widen(),
    away,
  );
  const buttons = orders(name, () => {
    loadLive();
    loadKept();
  });
  const repeated = tables(name);
  const attempts = ledger(
    name,
    () => {
      const [from, to] = ends();
      return { words: fixed ? 'Attempts in this span' : `Attempts of the last ${range}`, from, to };
    },
    away,
  );
  const span = picker();
  const element = h(
    'div',
    {},
    h('section', { class: 'card', 'aria-label': 'State' }, parts.said, buttons.element),
    span.element,
    drawn.element,
    repeated.element,
    h('section', { class: 'card' }, parts.events),
    attempts.element,
  );
  let gone = false;
  let transitions = [];

  /** The first and the last moment of what is shown. */
  function ends() {
    return fixed ?? [Date.now() - RANGES[range], Date.now()];
  }

  /** Why history is not shown; what the banner says of the store is not said again. */
  function away(error) {
    return live.server.store_error && error.status === 503
      ? 'This is not shown while the store is away.'
      : error.message;
  }

  function address(push) {
    const said = new URLSearchParams(
      fixed ? { from: fixed[0], to: fixed[1] } : range === USUAL ? {} : { range },
    );
    const to = `${hostAt(name)}${said.size ? `?${said}` : ''}`;
    if (push) history.pushState(null, '', to);
    else history.replaceState(null, '', to);
  }

  /** The time range: built once, so that the focus stays where it is. */
  function picker() {
    const go = (chosen, stretch) => {
      range = chosen;
      fixed = stretch;
      address(true);
      loadCharts();
      attempts.load();
    };
    const ranges = Object.keys(RANGES).map((key) =>
      h('button', { type: 'button', onclick: () => go(key, null) }, key),
    );
    const [begin, end] = ['From', 'To'].map((words) =>
      h('input', { type: 'datetime-local', step: 1, 'aria-label': words }),
    );
    const wrong = h('span', { role: 'alert' });
    const form = h(
      'form',
      {
        class: 'row',
        hidden: true,
        'aria-label': 'From and to',
        onsubmit: (event) => {
          event.preventDefault();
          const [from, to] = [begin, end].map((field) => new Date(field.value).getTime());
          wrong.textContent = from < to ? '' : 'The first moment has to be before the second.';
          if (from < to) go(range, [from, to]);
        },
      },
      begin,
      'to',
      end,
      h('button', { type: 'submit' }, 'Show'),
      wrong,
    );
    const own = h(
      'button',
      {
        type: 'button',
        'aria-expanded': 'false',
        onclick: () => {
          form.hidden = !form.hidden;
          own.setAttribute('aria-expanded', String(!form.hidden));
          // As local time without a zone, which is what these fields take.
          const local = (ms) => moment(ms).replace(' ', 'T');
          if (form.hidden) return;
          [begin.value, end.value] = ends().map(local);
          begin.focus();
        },
      },
      'From … to …',
    );
    const where = h('span', {});
    const widen = () => {
      if (!fixed) return;
      const wide = fixed[1] - fixed[0];
      go(range, [fixed[0] - wide / 2, Math.min(fixed[1] + wide / 2, Date.now())].map(Math.round));
    };
    const out = h(
      'button',
      { type: 'button', title: 'Or double-click a chart, or Esc', onclick: widen },
      'Zoom out',
    );
    const note = h('span', { class: 'soft', role: 'status' });
    const show = (came) => {
      ranges.forEach((button) =>
        button.setAttribute('aria-pressed', String(!fixed && button.textContent === range)),
      );
      where.textContent = fixed ? `${moment(fixed[0])} to ${moment(fixed[1])}` : '';
      out.hidden = !fixed;
      if (came)
        note.textContent = `${came.tier === 'hour' ? 'Hourly means' : 'Polls'}, ${length(came.step)} a point${DRAGS ? ' · drag over a chart to zoom' : ''}`;
    };
    show(null);
    return {
      element: h(
        'section',
        { class: 'card row range', 'aria-label': 'Time range' },
        h('div', { class: 'row', role: 'group', 'aria-label': 'Last' }, ranges, own),
        form,
        where,
        out,
        note,
      ),
      show,
      widen,
    };
  }

  async function loadCharts() {
    chartsAt = Date.now();
    span.show(null);
    const [from, to] = ends();
    const came = await drawn.load(from, to, bands(transitions, from, to));
    if (came && !gone) span.show(came);
  }

  /** What the server has in memory: also shown while the store is away. */
  async function loadLive() {
    try {
      const one = await get(hostPath(name), { fields: HOST });
      if (gone) return;
      say(one);
      buttons.show(one);
      await repeated.draw(one);
      await repeated.learn(one.last);
    } catch (error) {
      if (gone) return;
      const words = [h('h1', {}, name), h('p', { class: 'none' }, error.message)];
      const meant = /did you mean "([^"]+)"/.exec(error.message)?.[1];
      const link = (href, text) => h('a', { href, 'data-link': true }, text);
      const ways = h(
        'p',
        { class: 'none' },
        meant ? [link(hostAt(meant), meant), ' · '] : [],
        link(at(''), 'All hosts'),
      );
      // Of a host that nobody knows there is nothing else to show.
      if (error.status === 404) fill(element, h('section', { class: 'card' }, words, ways));
      else fill(parts.said, words);
    }
  }

  /** What the store keeps. */
  async function loadKept() {
    keptAt = Date.now();
    await Promise.all([story(), attempts.load()]);
  }

  function say(one) {
    const facts = {
      Machine: one.facts.os,
      Kernel: one.facts.kernel,
      CPUs: one.facts.cpus,
      Architecture: one.facts.architecture,
      Hostname: one.facts.hostname,
      Probe: one.facts.probe_version,
      Addresses: one.addresses.join(', '),
      Schedule: one.schedule,
      Group: one.group,
      Labels: Object.entries(one.labels)
        .map(([key, value]) => `${key}=${value}`)
        .join(', '),
      'Last answer': one.last_good_at_ms ? moment(one.last_good_at_ms) : 'never',
      'Answered in': one.last ? micros(one.last.call_us) : null,
    };
    const known = Object.entries(facts).filter(
      ([, value]) => value !== null && value !== undefined && value !== '',
    );
    fill(
      parts.said,
      h(
        'div',
        { class: 'row' },
        h('h1', {}, name),
        h('span', { class: 'badge' }, state(one.state)),
        marks(one),
        h('span', { class: 'soft' }, one.since_ms ? `since ${moment(one.since_ms)}` : ''),
      ),
      h('p', {}, one.reason),
      one.last?.error ? h('p', { class: 'soft' }, `Last poll: ${one.last.outcome}: ${one.last.error}`) : null,
      h(
        'dl',
        { class: 'facts' },
        known.map(([key, value]) => h('div', {}, h('dt', {}, key), h('dd', {}, value))),
      ),
    );
  }

  async function story() {
    const title = h('h2', {}, 'Changes of state');
    try {
      const { events } = await get(`${hostPath(name)}/events`, { limit: 200 });
      if (gone) return;
      transitions = events;
      fill(
        parts.events,
        title,
        events.length === 0
          ? h('p', { class: 'none' }, 'None is kept.')
          : h(
              'div',
              { class: 'scroll short', tabIndex: 0, role: 'region', 'aria-label': 'Changes of state' },
              h(
                'table',
                { class: 'changes' },
                h('thead', {}, h('tr', {}, ['When', 'From', 'To', 'Why'].map(titled))),
                h(
                  'tbody',
                  {},
                  events
                    .slice(0, CHANGES)
                    .map((event) =>
                      h(
                        'tr',
                        {},
                        h('td', { class: 'when' }, moment(event.at_ms)),
                        h('td', {}, state(event.from)),
                        h('td', { class: 'to' }, became(event)),
                        h('td', { class: 'words' }, event.reason),
                      ),
                    ),
                ),
              ),
            ),
      );
    } catch (error) {
      if (!gone) fill(parts.events, title, h('p', { class: 'none' }, away(error)));
    }
  }

  let seen = live.hosts.get(name);
  let keptAt = 0;
  let chartsAt = 0;
  // A wide span does not change by the second.
  const chartsEvery = () => Math.max(KEPT_EVERY, RANGES[range] / 200);
  const changed = () => {
    const now = live.hosts.get(name);
    if (!now || now === seen) return;
    const moved = now.state !== seen?.state;
    seen = now;
    loadLive();
    if (moved || Date.now() - keptAt > KEPT_EVERY) loadKept();
    if (!fixed && Date.now() - chartsAt > chartsEvery()) loadCharts();
  };
  const themed = () => {
    drawn.themed();
    loadCharts();
  };
  const typed = (event) => {
    if (event.key === 'Escape' && !/^(INPUT|SELECT|TEXTAREA)$/.test(document.activeElement?.tagName))
      span.widen();
  };
  addEventListener('keydown', typed);
  live.addEventListener('change', changed);
  addEventListener('roundsman:theme', themed);
  loadLive();
  loadKept().then(() => !gone && loadCharts());
  return {
    element,
    leave: () => {
      gone = true;
      attempts.leave();
      live.removeEventListener('change', changed);
      removeEventListener('roundsman:theme', themed);
      removeEventListener('keydown', typed);
      drawn.leave();
    },
  };
}
