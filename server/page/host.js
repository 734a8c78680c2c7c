// One host: its state and why, orders, charts, what repeats, its changes of state, the ledger.

import { h, fill, isTyping, renew } from './dom.js';
import { get, hostPath } from './api.js';
import { bands } from './band.js';
import { charts } from './charts.js';
import { fired } from './fired.js';
import { firing } from './firing.js';
import { latest } from './latest.js';
import { ledger } from './ledger.js';
import { orders } from './orders.js';
import { hostAt } from './place.js';
import { changes, stateOf, unknown } from './said.js';
import { endsOf, picker, RANGES, searchOf, spanOf } from './span.js';
import { tables } from './tables.js';

/** What is shown of the host. */
const HOST =
  'group,labels,addresses,schedule,state,since_ms,flapping,unreachable_because,paused_until_ms,reason,cause,' +
  'alarms_firing,alarm_severity,facts,' +
  'last_good_at_ms,last.slot_ms,last.outcome,last.error,last.call_us,last.detail';
/** Changes of state that are read: those that are shown, and those in the charts. */
const EVENTS = 200;
/** How often what the store keeps is read again, ms. */
const KEPT_EVERY = 5000;
/** Parts of a span: one that is wide does not change by the second. */
const STEPS = 200;

/** A view that is open: its parts, what it shows, and how it asks. */
class HostView {
  #live;
  #name;
  #span = spanOf(location.search);
  /** Its changes of state, newest first. */
  #transitions = [];
  /** When what is kept was read, and when the charts were, ms. */
  #keptAt = 0;
  #chartsAt = 0;
  #seen;
  #state = latest();
  #story = latest();
  #said = h('div', {});
  #rules;
  #alarms = h('section', { class: 'card one', hidden: true }, h('h2', {}, 'Alarms'));
  #events = h('section', { class: 'card' }, h('h2', {}, 'Changes of state'), h('div', {}));

  constructor(live, name) {
    this.#live = live;
    this.#name = name;
    this.#seen = live.hosts.get(name);
    const away = (error) => this.#away(error);
    this.picker = picker(this.#span, () => this.#chosen());
    this.charts = charts(
      name,
      (from, to) => {
        this.#span.fixed = [from, to];
        this.#chosen();
      },
      () => this.picker.widen(),
      away,
    );
    this.orders = orders(name, () => {
      this.#loadState();
      this.#loadKept();
    });
    this.tables = tables(name);
    this.#rules = fired(name);
    this.alarms = firing({
      filter: () => ({ host: name }),
      none: () => [],
      heard: ({ alarms }) => {
        this.#alarms.hidden = alarms.length === 0;
      },
    });
    this.#alarms.append(...this.alarms.elements);
    this.attempts = ledger(name, () => this.#stretch(), away);
    const state = h('section', { class: 'card', 'aria-label': 'State' }, this.#said, this.orders.element);
    const { element: attempts } = this.attempts;
    this.element = h('div', {}, state, this.#alarms, this.picker.element, this.charts.element);
    this.element.append(this.tables.element, this.#events, attempts);
  }

  /** Asks for everything, and goes on to. */
  start() {
    this.picker.show(null);
    addEventListener('keydown', this.#typed);
    addEventListener('roundsman:theme', this.#themed);
    this.#live.addEventListener('change', this.#changed);
    this.#loadState();
    this.alarms.load();
    this.#loadKept().then(() => this.#loadCharts());
  }

  leave() {
    removeEventListener('keydown', this.#typed);
    removeEventListener('roundsman:theme', this.#themed);
    this.#live.removeEventListener('change', this.#changed);
    for (const part of [this.#state, this.#story]) part.end();
    for (const part of [this.attempts, this.tables, this.charts, this.alarms, this.#rules]) part.leave();
  }

  #typed = (event) => {
    if (event.key === 'Escape' && !isTyping()) this.picker.widen();
  };

  #themed = () => {
    this.charts.themed();
    this.#loadCharts();
  };

  #changed = () => {
    const now = this.#live.hosts.get(this.#name);
    if (!now || now === this.#seen) return;
    const moved = now.state !== this.#seen?.state;
    const alarmed = now.alarms_firing !== this.#seen?.alarms_firing;
    this.#seen = now;
    this.#loadState();
    if (alarmed || (now.alarms_firing && this.alarms.age() > KEPT_EVERY)) this.alarms.load();
    if (moved || Date.now() - this.#keptAt > KEPT_EVERY) this.#loadKept();
    const every = Math.max(KEPT_EVERY, RANGES[this.#span.range] / STEPS);
    if (!this.#span.fixed && Date.now() - this.#chartsAt > every) this.#loadCharts();
  };

  /** Another span was asked for. */
  #chosen() {
    history.pushState(null, '', `${hostAt(this.#name)}${searchOf(this.#span)}`);
    this.#loadCharts();
    this.attempts.load();
  }

  /** Which attempts are read. */
  #stretch() {
    const [from, to] = endsOf(this.#span);
    const words = this.#span.fixed ? 'Attempts in this span' : `Attempts of the last ${this.#span.range}`;
    return { words, from, to, about: searchOf(this.#span) };
  }

  /** Why history is not shown; what the banner says of the store is not said again. */
  #away(error) {
    const isStore = this.#live.server.store_error && error.status === 503;
    return isStore ? 'This is not shown while the store is away.' : error.message;
  }

  async #loadCharts() {
    this.#chartsAt = Date.now();
    this.picker.show(null);
    const [from, to] = endsOf(this.#span);
    const states = bands(this.#transitions, from, to);
    const rules = this.#rules.load(from, to);
    const came = await this.charts.load({ from, to, states }, searchOf(this.#span));
    if (came) this.picker.show(came);
    const marks = await rules;
    if (marks) this.charts.mark(marks);
  }

  /** What the server has in memory: also shown while the store is away. */
  async #loadState() {
    const isWanted = this.#state.ask();
    try {
      const one = await get(hostPath(this.#name), { fields: HOST });
      if (!isWanted()) return;
      renew(this.#said, stateOf(this.#name, one));
      this.orders.show(one);
      this.tables.draw(one);
    } catch (error) {
      if (!isWanted()) return;
      const { words, ways } = unknown(this.#name, error);
      // Of a host that nobody knows there is nothing else to show.
      if (error.status === 404) fill(this.element, h('section', { class: 'card' }, words, ways));
      else renew(this.#said, words);
    }
  }

  /** What the store keeps. */
  async #loadKept() {
    this.#keptAt = Date.now();
    await Promise.all([this.#loadStory(), this.attempts.load()]);
  }

  async #loadStory() {
    const isWanted = this.#story.ask();
    const list = this.#events.lastChild;
    try {
      const { events } = await get(`${hostPath(this.#name)}/events`, { limit: EVENTS });
      if (!isWanted()) return;
      this.#transitions = events;
      renew(list, changes(events));
    } catch (error) {
      if (isWanted()) renew(list, h('p', { class: 'none' }, this.#away(error)));
    }
  }
}

export function host(live, name) {
  const view = new HostView(live, name);
  view.start();
  return { element: view.element, leave: () => view.leave() };
}
