// The graphs of one host: which stand where, and when each is drawn.

import { h, fill } from './dom.js';
import { answers } from './answers.js';
import { gaps } from './gaps.js';
import { isFirst, pointsOf, WITH_FIRST } from './asked.js';
import { draw, graph, mark, show, size } from './graph.js';
import { drawnOf, GRAPHS, graphOf } from './graphs.js';
import { t } from './i18n.js';
import { SHAPES } from './happened.js';
import { latest } from './latest.js';
import { missing } from './uplot.js';
import { whole } from './whole.js';

/** How many graphs are large, which are seen first; and how far below the window the later ones are asked for. */
const LARGE = 4;
const AHEAD = '300px';

/** What can be taken from a graph of a host: to a board one of its columns, the one that stands for all of it first. */
function takenOf(spec, host, { named, annotated }) {
  const columns = [...new Set([spec.ruler, ...drawnOf(spec)].filter(Boolean))];
  const pinned = spec.isOfAttempts ? undefined : () => ({ host, columns });
  return { named, annotated, pinned };
}

/**
 * The graphs of a host. `zoom(from, to)` is called when a stretch is dragged out, `widen()` when a graph is
 * double-clicked; `words(error)` says why there is nothing; `heard(what)` has what was read.
 */
class Charts {
  #deeds;
  #cards;
  #questions = latest();
  #read;
  #large = h('div', { class: 'charts large' });
  #small = h('div', { class: 'charts small' });
  #folded = h('p', { class: 'folded', hidden: true });
  /** On a phone the later graphs are shown when they are asked for. */
  #more = h(
    'button',
    { type: 'button', class: 'btn more-charts', onclick: () => this.#unfold() },
    t('More charts'),
  );
  /** Why nothing could be read: once, not in every graph. */
  #trouble = h('p', { class: 'card none', role: 'status', hidden: true });
  #whole = whole(() => this.#cards);
  /** Graphs that alarms are about, and those that were unfolded. */
  #alarming = new Set();
  #opened = new Set();
  #span = null;
  #about = '';
  #isLate = false;
  #now = null;
  /** Graphs that wait to be drawn, and the frame in which the next one is. */
  #waiting = [];
  #frame = 0;
  #resized = new ResizeObserver(() => {
    for (const one of this.#cards) size(one);
  });
  #seen = new IntersectionObserver((entries) => this.#came(entries), { rootMargin: AHEAD });

  constructor(name, deeds) {
    const why = gaps(name);
    this.#deeds = { ...deeds, why };
    this.#read = answers(name);
    this.#cards = GRAPHS.map((spec) =>
      graph(spec, why, (one) => this.#whole.toggle(one), takenOf(spec, name, deeds)),
    );
    const note = missing ? h('p', { class: 'card' }, missing) : null;
    const parts = [note, this.#trouble, this.#large, this.#small, this.#more, this.#folded];
    for (const { late, card } of this.#cards) card.classList.toggle('late', Boolean(late));
    this.element = h('div', { class: 'stack graphs' }, parts);
    this.#resized.observe(this.element);
  }

  /** Puts the graph that fills the window back; whether there was one. */
  unfill() {
    return this.#whole.end();
  }

  #unfold() {
    this.element.classList.add('all');
    for (const one of this.#cards) size(one);
  }

  #isFolded({ key, idle }) {
    return Boolean(idle) && !this.#opened.has(key) && !this.#alarming.has(key);
  }

  /** Puts graphs in their order: those that alarms are about first, what is always 0 folded away; and draws them. */
  #arrange() {
    const isAlarming = ({ key }) => this.#alarming.has(key);
    const all = [...this.#cards.filter(isAlarming), ...this.#cards.filter((one) => !isAlarming(one))];
    const [folded, shown] = [true, false].map((which) => all.filter((one) => this.#isFolded(one) === which));
    for (const one of folded) one.card.remove();
    shown.forEach((one, position) => {
      const isLarge = position < LARGE;
      const [place, at] = isLarge ? [this.#large, position] : [this.#small, position - LARGE];
      Object.assign(one, { isFirst: position === 0, size: isLarge ? 'large' : 'small' });
      if (place.children[at] !== one.card) place.insertBefore(one.card, place.children[at] ?? null);
    });
    this.#drawAll(shown);
    this.#tellFolded(folded);
  }

  /** Draws the first ones at once, each other one in a frame of its own: a page that is used does not stand still. */
  #drawAll(shown) {
    const now = shown.filter(({ isDue, size: kind, plot }) => !isDue || (kind === 'large' && !plot));
    // Widths are read before anything is drawn: after that each would have the page laid out again.
    const widths = now.map(({ place }) => place.clientWidth);
    now.forEach((one, at) => this.#drawOne(one, widths[at]));
    this.#waiting = shown.filter((one) => !now.includes(one));
    if (this.#waiting.length > 0) this.#frame ||= requestAnimationFrame(this.#drawNext);
  }

  #drawNext = () => {
    const one = this.#waiting.shift();
    this.#frame = this.#waiting.length > 0 ? requestAnimationFrame(this.#drawNext) : 0;
    if (one) this.#drawOne(one);
  };

  #drawOne(one, width = one.place.clientWidth) {
    if (one.isDue) one.redraw(width);
    size(one, width);
    one.tools.point();
  }

  #tellFolded(folded) {
    const words = folded.map(({ title, idle }) => `${title}: ${idle}`);
    this.#folded.hidden = folded.length === 0;
    if (this.#folded.dataset.words === words.join()) return;
    this.#folded.dataset.words = words.join();
    const button = (one, position) => {
      const open = () => this.open(one.key);
      return h('button', { type: 'button', class: 'plain', onclick: open }, words[position]);
    };
    fill(
      this.#folded,
      t('Not drawn: '),
      folded.flatMap((one, at) => [at ? ' · ' : null, button(one, at)]),
    );
  }

  /** Shows a graph, also one that is folded. */
  open(key) {
    const one = this.#cards.find((each) => each.key === key);
    this.#opened.add(key);
    this.#unfold();
    this.#arrange();
    if (one.isDue) one.redraw();
    one.card.scrollIntoView({ block: 'center' });
    one.card.focus({ preventScroll: true });
  }

  async #draw(some, beside, isWanted) {
    const span = this.#span;
    const points = pointsOf();
    const what = await this.#read.read(some, beside, span, points, isWanted);
    if (!what) return null;
    // A graph is as wide as its place is.
    this.#large.hidden = this.#small.hidden = false;
    const put = (list) => {
      for (const one of list) draw(one, what, span, this.#deeds);
      this.#arrange();
    };
    put(some.filter((one) => !one.isOfAttempts));
    if (this.#now) this.show(this.#now);
    const more = some.filter((one) => one.band);
    // It may be slower than the next question: it is of use as long as the span is the same.
    const about = this.#about;
    const add = async () => {
      await this.#read.add(what, more, span, points);
      if (this.#about === about) put(more);
      return this.#about === about;
    };
    what.more = more.length === 0 ? null : add();
    return what;
  }

  /** Draws `span`: its ends, its states, and its marks when they come. What came of it; nothing when it was outrun. */
  async load(span, about) {
    this.#span = span;
    this.#about = about;
    const isWanted = this.#questions.ask(about);
    const now = this.#cards.filter(isFirst);
    let what = null;
    let refused = '';
    try {
      what = await this.#draw(now, WITH_FIRST, isWanted);
      if (!what) return null;
      this.#deeds.heard(what);
      // What calls took is not worth a wait, nor a word where it cannot be read.
      what.more?.then((isUsed) => isUsed && this.#deeds.heard(what)).catch(() => {});
      // Not before it has its place: it would be in sight.
      this.#seen.observe(this.#small);
      if (this.#isLate) this.#drawLate();
    } catch (error) {
      if (!isWanted()) return null;
      refused = this.#deeds.words(error);
      this.#large.hidden = this.#small.hidden = this.#folded.hidden = true;
    }
    this.#trouble.textContent = refused;
    this.#trouble.hidden = refused === '';
    return what;
  }

  /** Those below come into sight. */
  #came(entries) {
    if (this.#isLate || !this.#small.firstChild || !entries.some((entry) => entry.isIntersecting)) return;
    this.#isLate = true;
    this.#drawLate();
  }

  async #drawLate() {
    const span = this.#span;
    const late = this.#cards.filter((one) => one.late);
    // What is wrong is told by those above.
    await this.#draw(late, ['uptime_s'], () => this.#span === span).catch(() => null);
  }

  /** Shows the values of now: what `value` has of columns. */
  show(value) {
    this.#now = value;
    for (const one of this.#cards) show(one, value);
  }

  /** Draws where the limits of rules are, and when they fired. */
  mark(rules) {
    const all = [...rules.values()].flat();
    const alarms = all.flatMap(({ name, fired }) =>
      // One that was under way already has no begin to be marked.
      fired
        .filter(({ begin }) => begin > this.#span.from)
        .map(({ begin, severity }) => ({ at: begin, kind: SHAPES[severity], words: name })),
    );
    for (const one of this.#cards) {
      const own = all.filter(({ column }) => graphOf(column)?.key === one.key);
      mark(one, own, alarms);
    }
    this.#arrange();
  }

  /** Puts those first that alarms about these columns are about. */
  alarming(columns) {
    const keys = new Set(columns.map((column) => graphOf(column)?.key).filter(Boolean));
    if ([...keys].join() === [...this.#alarming].join()) return;
    this.#alarming = keys;
    if (this.#span) this.#arrange();
  }

  /** Colours are another theme's. */
  themed() {
    for (const one of this.#cards) one.redraw?.();
  }

  leave() {
    this.#whole.leave();
    cancelAnimationFrame(this.#frame);
    this.#resized.disconnect();
    this.#seen.disconnect();
    this.#questions.end();
    this.#span = null;
    this.#about = null;
    for (const one of this.#cards) {
      one.plot?.destroy();
      one.plot = null;
      one.states.leave();
    }
  }
}

export const charts = (name, deeds) => new Charts(name, deeds);
