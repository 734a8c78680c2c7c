// One host: what it is, what is wrong with it, what it is like now, its graphs, what repeats, its attempts.

import { h, fill, icon, isTyping, renew } from './dom.js';
import { annotated, onAnnotated } from './annotations.js';
import { get } from './api.js';
import { oldOf, stateOf, storyOf } from './asked.js';
import { bands, moves } from './band.js';
import { begun } from './begin.js';
import { causes } from './cause.js';
import { charts } from './charts.js';
import { fired } from './fired.js';
import { factLine, titleOf } from './head.js';
import { t } from './i18n.js';
import { latest } from './latest.js';
import { ledger } from './ledger.js';
import { moved } from './moved.js';
import { orders } from './orders.js';
import { paced } from './pace.js';
import { hostAt } from './place.js';
import { changes, unknown } from './said.js';
import { endsOf, picker, RANGES, rangeWords, searchOf, spanOf, suits } from './span.js';
import { tables } from './tables.js';
import { tiles } from './tiles.js';
import { ANSWERED } from './words.js';

/** How often what the store keeps is read again, ms. */
const KEPT_EVERY = 5000;
/** For how long at most all else waits for the first graphs, ms: the store may be slow, or away. */
const FIRST = 500;
/** Parts of a span: one that is wide does not change by the second. */
const STEPS = 200;

/** The button that asks about the span that is shown. */
function whatButton(onclick) {
  const title = t('What moved in this span; or drag over a graph with Shift');
  return h(
    'button',
    { type: 'button', class: 'btn what', title, 'aria-keyshortcuts': 'w', onclick },
    icon('events', 's'),
    t('What happened here?'),
  );
}

/** A view that is open: its parts, what it shows, and how it asks. */
class HostView {
  #live;
  #name;
  #span = spanOf(location.search);
  /** Its changes of state, newest first. */
  #transitions = [];
  /** When what is kept was read, and when the graphs were, ms; nothing asks again before the first time. */
  #keptAt = 0;
  #chartsAt = Infinity;
  #seen;
  #state = latest();
  #story = latest();
  #unheard = onAnnotated(() => this.#again.charts());
  /** What is asked for when values come in. */
  #again = {
    state: paced(() => this.#loadState()),
    kept: paced(() => this.#loadKept()),
    charts: paced(() => this.#loadCharts()),
  };
  #title = h('div', { class: 'naming' });
  #facts = h('dl', { class: 'facts' });
  #rules;
  #events = h('section', { class: 'card' });
  #told;
  #isDrawn;
  /** What is below the graphs, and the fleet, come once these are drawn. */
  drawn = new Promise((done) => {
    this.#isDrawn = done;
    setTimeout(done, FIRST);
  });

  constructor(live, name) {
    this.#live = live;
    this.#name = name;
    // Asked for first: the answers come while the page is built.
    this.#told = Promise.all([begun(name), this.#loadStory(), this.#open()]);
    this.#loadState();
    this.#seen = live.hosts.get(name);
    const away = (error) => this.#away(error);
    this.picker = picker(this.#span, () => this.#chosen());
    const named = () => name;
    const about = () => ({ hosts: [name], group: this.#live.hosts.get(name)?.group });
    this.charts = charts(name, {
      named,
      annotated: about,
      zoom: (from, to) => this.#zoomed(from, to),
      ask: (from, to) => this.moved.ask(from, to),
      widen: () => this.picker.widen(),
      words: away,
      heard: (what) => this.tiles.draw(what, this.#spanWords()),
    });
    this.tables = tables(name, {
      named,
      annotated: about,
      zoom: (from, to) => this.#zoomed(from, to),
      ask: (from, to) => this.moved.ask(from, to),
      widen: () => this.picker.widen(),
    });
    this.moved = moved(name, {
      open: (key) => this.charts.open(key),
      row: (table, row) => this.tables.open(table, row),
    });
    this.picker.element.append(whatButton(() => this.#ask()));
    this.tiles = tiles(
      (key) => this.charts.open(key),
      (mount) => this.tables.full(mount),
    );
    this.causes = causes(name, (alarms) => {
      this.tiles.alarming(alarms);
      this.charts.alarming(alarms.map(({ column }) => column));
    });
    this.orders = orders(name, () => {
      this.#loadState();
      this.#loadKept();
    });
    this.#rules = fired(name);
    this.attempts = ledger(name, () => this.#stretch(), away);
    const title = h('div', { class: 'title' }, this.#title, this.orders.element);
    const head = h('section', { class: 'hosthead', 'aria-label': t('State') }, title, this.#facts);
    const beside = h('div', { class: 'stack' }, this.#events, this.tables.processes);
    const kept = h('div', { class: 'two' }, this.attempts.element, beside);
    const {
      charts: { element: graphs },
      tables: { element: repeated },
    } = this;
    const parts = [
      head,
      this.causes.element,
      this.orders.wrong,
      this.tiles.element,
      this.picker.element,
      this.moved.element,
    ];
    this.element = h('div', { class: 'page host' }, parts, graphs, repeated, kept);
  }

  /** Asks for everything, and goes on to. */
  start() {
    this.picker.show(null);
    addEventListener('keydown', this.#typed);
    addEventListener('roundsman:theme', this.#themed);
    this.#live.addEventListener('change', this.#changed);
    this.#told.then(([ends]) => {
      // Unless another span was chosen meanwhile, what was begun is drawn.
      this.#loadCharts(this.#chartsAt === Infinity ? ends : null);
      this.attempts.load();
    });
    this.causes.load();
  }

  leave() {
    removeEventListener('keydown', this.#typed);
    removeEventListener('roundsman:theme', this.#themed);
    this.#live.removeEventListener('change', this.#changed);
    for (const part of [this.#state, this.#story]) part.end();
    this.#unheard();
    for (const part of [this.attempts, this.tables, this.charts, this.causes, this.#rules, this.moved])
      part.leave();
  }

  #typed = (event) => {
    const isPlain = !event.ctrlKey && !event.metaKey && !event.altKey;
    if (event.key === 'w' && isPlain && !isTyping() && !document.querySelector('dialog[open]')) this.#ask();
    if (event.key !== 'Escape' || isTyping() || document.querySelector('dialog[open]')) return;
    if (!this.charts.unfill()) this.picker.widen();
  };

  /** What happened in the span that is shown? */
  #ask() {
    const { watched } = moves(this.#transitions);
    this.moved.ask(...endsOf(this.#span, watched?.at));
  }

  #themed = () => {
    this.charts.themed();
    this.tables.themed();
  };

  #changed = () => {
    const now = this.#live.hosts.get(this.#name);
    if (!now || now === this.#seen) return;
    if (!this.#seen) {
      // What is known first was just asked for.
      this.#seen = now;
      return;
    }
    const isOther = now.state !== this.#seen.state;
    const alarmed = now.alarms_firing !== this.#seen.alarms_firing;
    this.#seen = now;
    this.#again.state();
    if (alarmed || (now.alarms_firing && this.causes.age() > KEPT_EVERY)) this.causes.load();
    if (isOther || Date.now() - this.#keptAt > KEPT_EVERY) this.#again.kept();
    const every = Math.max(KEPT_EVERY, RANGES[this.#span.range] / STEPS);
    if (!this.#span.fixed && Date.now() - this.#chartsAt > every) this.#again.charts();
  };

  /** How long the span should be when nobody says: by how far back there is data. */
  async #open() {
    if (!this.#span.isOpen) return;
    const kept = await get(...oldOf(this.#name)).catch(() => null);
    this.#span.range = suits(kept?.polls.length > 0);
    this.picker.show(null);
  }

  #zoomed(from, to) {
    Object.assign(this.#span, { fixed: [from, to], isOpen: false });
    this.#chosen();
  }

  /** Another span was asked for. */
  #chosen() {
    history.pushState(null, '', `${hostAt(this.#name)}${searchOf(this.#span)}`);
    this.#loadCharts();
    this.attempts.load();
  }

  /** The span in words of a tile. */
  #spanWords() {
    return this.#span.fixed ? t('this span') : rangeWords(this.#span.range);
  }

  /** Which attempts are read. */
  #stretch() {
    const [from, to] = endsOf(this.#span);
    const words = t('in {span}', { span: this.#spanWords() });
    return { words, from, to, about: searchOf(this.#span) };
  }

  /** Why history is not shown; what the banner says of the store is not said again. */
  #away(error) {
    const isStore = this.#live.server.store_error && error.status === 503;
    return isStore ? t('This is not shown while the store is away.') : error.message;
  }

  async #loadCharts(ends = null) {
    this.#chartsAt = Date.now();
    this.picker.show(null);
    const { marks: changed, watched } = moves(this.#transitions);
    const [from, to] = ends ?? endsOf(this.#span, watched?.at);
    // Read beside what is drawn, and not before it.
    const marks = annotated({ hosts: this.#name }, [from, to]).then((noted) => [...changed, ...noted]);
    const states = bands(this.#transitions, from, to);
    const span = { from, to, states, marks, watched };
    const drawn = this.charts.load(span, searchOf(this.#span));
    const rules = this.#rules.load(from, to);
    this.tables.load(span);
    const came = await drawn;
    this.#isDrawn();
    if (came) this.picker.show(came, [from, to]);
    const limits = await rules;
    if (limits) this.charts.mark(limits);
  }

  /** What the server has in memory: also shown while the store is away. */
  async #loadState() {
    const isWanted = this.#state.ask();
    try {
      const one = await get(...stateOf(this.#name));
      if (!isWanted()) return;
      const isGood = ANSWERED.includes(one.last?.outcome);
      const { values } = isGood ? one.last : { values: {} };
      const all = { ...values, call_us: one.last?.call_us };
      const value = (column) => (isGood ? (all[column] ?? null) : undefined);
      renew(this.#title, ...titleOf(this.#name, one));
      renew(this.#facts, ...factLine(this.#name, one, value));
      this.orders.show(one);
      this.causes.show(one);
      this.tiles.show(one, value);
      this.charts.show(value);
      await this.drawn;
      this.tables.draw(one);
    } catch (error) {
      if (!isWanted()) return;
      const { words, ways } = unknown(this.#name, error);
      // Of a host that nobody knows there is nothing else to show.
      if (error.status === 404) fill(this.element, h('section', { class: 'card' }, words, ways));
      else renew(this.#title, words);
    }
  }

  /** What the store keeps. */
  async #loadKept() {
    this.#keptAt = Date.now();
    await Promise.all([this.#loadStory(), this.attempts.load()]);
  }

  async #loadStory() {
    this.#keptAt = Date.now();
    const isWanted = this.#story.ask();
    try {
      const { events } = await get(...storyOf(this.#name));
      if (!isWanted()) return;
      this.#transitions = events;
      renew(this.#events, changes(events));
    } catch (error) {
      if (isWanted()) renew(this.#events, changes(null, this.#away(error)));
    }
  }
}

export function host(live, name) {
  const view = new HostView(live, name);
  view.start();
  return { element: view.element, leave: () => view.leave(), drawn: view.drawn };
}
