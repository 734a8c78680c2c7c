// Several hosts beside each other: some columns at a glance, one column, or the hosts that have most of it.

import { fill, h, icon, isTyping, renew } from './dom.js';
import { annotated, onAnnotated } from './annotations.js';
import { get } from './api.js';
import { columns, nameOf, OVERVIEW, USUAL } from './catalogue.js';
import { copy, linkOf } from './charttools.js';
import { addressOf, askedOf, LENGTHS, membersOf, viewOf } from './comparing.js';
import { find, fits } from './finder.js';
import { unitOf } from './format.js';
import { size } from './graph.js';
import { t, tn } from './i18n.js';
import { happened } from './happened.js';
import { latest } from './latest.js';
import { multiples } from './multiples.js';
import { paced } from './pace.js';
import { ranking } from './ranking.js';
import { endsOf, picker, RANGES, searchOf, spanOf } from './span.js';
import { figuresOf, subjectField, subjectWords, wayTo } from './subject.js';
import { together } from './together.js';
import { whole } from './whole.js';

/** How often what the store keeps is read again, ms; and parts of a span, which does not change by the second. */
const KEPT_EVERY = 5000;
const STEPS = 200;
/** Hosts that are listed beside a graph, and those that have lines of their own. */
const BESIDE = 20;
const LINES = 12;
/** Columns that are offered at once. */
const OFFERED = 12;
/** What a reader is told was copied for so long, ms. */
const COPIED = 2000;

/** Offers every column; `choose(column)` takes one. */
async function offer(choose) {
  const all = await columns();
  find({
    label: t('Choose a column'),
    placeholder: t('Name or meaning, such as swap'),
    sections(typed) {
      const meant = all.filter(({ column, meaning }) =>
        fits(`${nameOf(column)} ${column} ${meaning}`, typed),
      );
      const entries = meant.slice(0, OFFERED).map(({ column, meaning }) => ({
        icon: 'columns',
        words: column,
        more: meaning,
        act: () => choose(column),
      }));
      return entries.length ? [[`${t('Columns')} · ${meant.length}`, entries]] : [];
    },
  });
}

/** The buttons of the columns; `changed(changes)` is called with what was chosen. */
function columnSeg(changed) {
  const button = (column, words) =>
    h('button', { type: 'button', 'data-column': column, onclick: () => changed({ column }) }, words);
  const overview = button('', t('Overview'));
  const usual = USUAL.map(({ column, name }) => button(column, name));
  const more = h(
    'button',
    { type: 'button', 'aria-haspopup': 'dialog', onclick: () => offer((column) => changed({ column })) },
    t('More'),
    icon('downc', 's'),
  );
  const other = button('', '');
  const element = h(
    'div',
    { class: 'seg cols', role: 'group', 'aria-label': t('Column') },
    overview,
    usual,
    other,
    more,
  );
  return {
    element,
    show({ column, top }) {
      const isUsual = !column || USUAL.some((one) => one.column === column);
      other.hidden = isUsual;
      other.textContent = column;
      other.dataset.column = column;
      overview.hidden = top > 0;
      for (const one of [overview, ...usual, other])
        one.setAttribute('aria-pressed', String(one.dataset.column === column && !one.hidden));
    },
  };
}

/** The buttons of a choice of two or more words. */
function seg(label, words, choose) {
  const buttons = Object.entries(words).map(([key, name]) =>
    h('button', { type: 'button', 'data-key': key, onclick: () => choose(key) }, name),
  );
  return {
    element: h('div', { class: 'seg', role: 'group', 'aria-label': label }, buttons),
    show: (now) =>
      buttons.forEach((one) => one.setAttribute('aria-pressed', String(one.dataset.key === now))),
  };
}

class CompareView {
  #live;
  #view = viewOf(location.search);
  #span = spanOf(location.search);
  #graphs = new Map();
  #whole = whole(() => [...this.#graphs.values()]);
  #lists = latest();
  #grid = null;
  #loadedAt = Infinity;
  #again = paced(() => this.#load());
  #unheard = () => {};
  #h1 = h('h1', {});
  #way = h('span', { class: 'm' });
  #figures = h('dl', { class: 'facts sums' });
  #body = h('div', {});
  #resized = new ResizeObserver(() => {
    this.#graphs.forEach((one) => size(one));
    this.#grid?.redraw();
  });

  constructor(live) {
    this.#live = live;
    const changed = (changes) => this.#choose(changes);
    this.subject = subjectField(live, changed);
    this.columns = columnSeg(changed);
    this.mode = seg(t('What is shown'), { compare: t('Compare'), top: t('Top') }, (mode) => {
      const isTop = mode === 'top';
      changed({ top: isTop ? LENGTHS[1] : 0, column: this.#view.column || (isTop ? OVERVIEW[0] : '') });
    });
    const words = { lines: t('Lines'), grid: t('Grid'), mean: t('Mean'), sum: t('Sum') };
    this.drawn = seg(t('How hosts are drawn'), words, (drawn) =>
      changed({ drawn, column: this.#view.column || (drawn === 'grid' ? OVERVIEW[0] : '') }),
    );
    const lengths = LENGTHS.map((count) => h('option', { value: count }, tn(count, '{n} host', '{n} hosts')));
    this.count = h('select', { 'aria-label': t('How many hosts') }, lengths);
    this.count.addEventListener('change', () => changed({ top: Number(this.count.value) }));
    this.order = seg(t('Order'), { desc: t('Most'), asc: t('Least') }, (order) =>
      changed({ isRising: order === 'asc' }),
    );
    this.beside = h('div', { class: 'row' }, this.order.element, this.count);
    this.ranking = ranking(this.beside);
    this.picker = picker(this.#span, () => this.#choose({}));
    const link = h('button', { type: 'button', class: 'btn', onclick: () => this.#copy(link) });
    fill(link, icon('link', 's'), h('span', {}, t('Copy link')));
    const title = h('div', { class: 'title' }, this.#h1, this.#way, this.subject.element);
    title.append(h('span', { class: 'sp' }), link);
    const chooses = h(
      'div',
      { class: 'row chooses' },
      this.mode.element,
      this.columns.element,
      this.drawn.element,
    );
    const parts = [title, this.#figures, chooses, this.picker.element, this.#body];
    this.element = h('div', { class: 'page host compare' }, parts);
    this.#resized.observe(this.#body);
  }

  async #copy(button) {
    const words = button.lastChild;
    const done = (text) => {
      words.textContent = text;
      setTimeout(() => {
        words.textContent = t('Copy link');
      }, COPIED);
    };
    await copy(linkOf(this.#ends())).then(
      () => done(t('Copied')),
      (error) => done(error.message),
    );
  }

  start() {
    addEventListener('keydown', this.#typed);
    addEventListener('roundsman:theme', this.#themed);
    this.#live.addEventListener('change', this.#changed);
    this.#unheard = onAnnotated(() => this.#again());
    this.#show();
  }

  leave() {
    removeEventListener('keydown', this.#typed);
    removeEventListener('roundsman:theme', this.#themed);
    this.#live.removeEventListener('change', this.#changed);
    this.#unheard();
    this.#resized.disconnect();
    this.#lists.end();
    this.#whole.leave();
    this.#grid?.leave();
    for (const one of this.#graphs.values()) one.leave();
  }

  #typed = (event) => {
    if (event.key !== 'Escape' || isTyping() || document.querySelector('dialog[open]')) return;
    if (!this.#whole.end()) this.picker.widen();
  };

  #themed = () =>
    [...this.#graphs.values(), ...(this.#grid ? [this.#grid] : [])].forEach((one) => one.redraw());

  #changed = () => {
    this.#tell();
    const every = Math.max(KEPT_EVERY, RANGES[this.#span.range] / STEPS);
    if (!this.#span.fixed && Date.now() - this.#loadedAt > every) this.#again();
  };

  /** Something else is asked for: the address says so. */
  #choose(changes) {
    Object.assign(this.#view, changes);
    if (!this.#view.column && this.#view.top) this.#view.column = OVERVIEW[0];
    history.pushState(null, '', addressOf(this.#view, this.#span));
    this.#show();
  }

  /** What is told of the hosts as they are now. */
  #tell() {
    this.subject.draw(this.#view);
    renew(this.#figures, ...figuresOf(this.#view, this.#live));
  }

  /** Puts the graphs of the view in their places. */
  #show() {
    const view = this.#view;
    const shown = view.column ? [view.column] : OVERVIEW;
    const title = view.top
      ? t('Top {n}: {column}', { n: view.top, column: nameOf(view.column) })
      : subjectWords(view);
    this.#h1.textContent = title;
    document.title = `${title} · Roundsman`;
    fill(this.#way, wayTo(view));
    this.mode.show(view.top ? 'top' : 'compare');
    this.columns.show(view);
    this.order.show(view.isRising ? 'asc' : 'desc');
    this.count.value = view.top || LENGTHS[1];
    this.drawn.show(view.drawn);
    this.drawn.element.hidden = view.top > 0;
    this.beside.hidden = !view.top;
    this.#tell();
    this.picker.show(null);
    this.#whole.end();
    this.#place(shown, !view.top && view.drawn === 'grid' && Boolean(view.column));
    this.#body.firstChild.classList.toggle('top', view.top > 0);
    this.#load();
  }

  /** Puts what is drawn of these columns in its place, unless it is there. */
  #place(shown, isGrid) {
    const isOne = shown.length === 1;
    const key = `${isGrid} ${shown.join()}`;
    if (this.#body.dataset.shown === key) return;
    this.#body.dataset.shown = key;
    this.#grid?.leave();
    this.#grid = isGrid ? multiples(shown[0], this.#live) : null;
    for (const one of this.#graphs.values()) one.leave();
    const drawn = isGrid ? [] : shown;
    this.#graphs = new Map(drawn.map((column) => [column, together(column, isOne, this.#deeds(column))]));
    const [first] = this.#graphs.values();
    if (first) first.isFirst = true;
    const cards = [...this.#graphs.values()].map(({ card }) => card);
    const one = this.#grid?.element ?? h('div', { class: 'charts' }, cards);
    fill(
      this.#body,
      isOne
        ? h('div', { class: 'two' }, one, this.ranking.element)
        : h('div', { class: 'charts large' }, cards),
    );
  }

  #deeds(column) {
    return {
      zoom: (from, to) => {
        Object.assign(this.#span, { fixed: [from, to], isOpen: false });
        this.#choose({});
      },
      widen: () => this.picker.widen(),
      whole: (one) => this.#whole.toggle(one),
      named: () => subjectWords(this.#view),
      pinned: () => {
        const { hosts, group, top, isRising } = this.#view;
        const which = { hosts, group: hosts.length ? '' : group };
        return top
          ? { ...which, top, order: isRising ? 'asc' : 'desc', columns: [column] }
          : { ...which, columns: [column] };
      },
      annotated: () => this.#view,
      why: { words: () => '' },
    };
  }

  /** Where nobody chose a span, not long before the first of the hosts came into the state that it is in. */
  #ends() {
    const since = membersOf(this.#view, [...this.#live.hosts.values()]).map((host) => host.since_ms);
    return endsOf(this.#span, since.length ? Math.min(...since) : 0);
  }

  async #load() {
    // For how long there is anything to show is not known before the hosts are.
    if (this.#span.isOpen && !this.#live.at) {
      this.#loadedAt = 0;
      return;
    }
    this.#loadedAt = Date.now();
    const view = { ...this.#view };
    const ends = this.#ends();
    const drawn = view.column ? await this.#loadOne(view, ends) : await this.#loadAll(view, ends);
    if (!drawn) return;
    this.picker.show(drawn, ends);
    const named = drawn.lines.filter(({ isNamed }) => isNamed).map(({ name }) => name);
    const marks = await Promise.all([
      happened(drawn.range ? [] : named, ends),
      annotated(askedOf(view), ends),
    ]);
    for (const one of this.#graphs.values()) one.mark(marks.flat());
  }

  async #loadAll(view, ends) {
    const all = await Promise.all([...this.#graphs.values()].map((one) => one.load(view, ends)));
    return all.find(Boolean);
  }

  /** A column in one graph, and the list of its hosts; of the first hosts only these are drawn. */
  async #loadOne(view, ends) {
    const graph = this.#grid ?? this.#graphs.values().next().value;
    const [from, to] = ends;
    const isWanted = this.#lists.ask(JSON.stringify(view));
    const order = view.top && view.isRising ? 'asc' : 'desc';
    const asked = { ...askedOf(view), column: view.column, from, to, n: view.top || BESIDE, order };
    const listing = get('api/v1/top', asked);
    try {
      // Of others than the first the graph need not wait for the list.
      const early = view.top ? null : graph.load(view, ends);
      const list = await listing;
      const hosts = list.top.slice(0, LINES).map(({ host }) => host);
      const drawn = await (early ??
        (hosts.length ? graph.load({ ...view, hosts }, ends) : graph.load(view, ends)));
      if (!isWanted()) return drawn;
      const looks = new Map();
      for (const { name, isNamed, colour, dash } of drawn?.lines ?? [])
        if (isNamed) looks.set(name, { colour, dash });
      this.ranking.draw(list, unitOf(view.column), looks, searchOf({ ...this.#span, isOpen: false }));
      return drawn;
    } catch (error) {
      if (isWanted()) this.ranking.refuse(error.message);
      return null;
    }
  }
}

export function compare(live) {
  const view = new CompareView(live);
  view.start();
  return { element: view.element, leave: () => view.leave() };
}
