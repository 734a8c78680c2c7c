// One board: its charts as the file has them, and the ways to change it: order, titles, what is taken off.

import { h, fill, icon, isTyping } from './dom.js';
import { BoardCharts } from './boardcharts.js';
import { problemsOf } from './boards.js';
import { copy, linkOf } from './charttools.js';
import { ask } from './deeds.js';
import { go } from './finder.js';
import { t } from './i18n.js';
import { latest } from './latest.js';
import { post } from './api.js';
import { paced } from './pace.js';
import { boardAt, byHand, readBoard, writeBoard } from './pin.js';
import { at } from './place.js';
import { endsOf, picker, RANGES, searchOf, spanOf } from './span.js';

/** How often what the store keeps is read again, ms; and parts of a span, which does not change by the second. */
const KEPT_EVERY = 5000;
const STEPS = 200;

const button = (words, onclick, sign) =>
  h(
    'button',
    {
      type: 'button',
      class: 'btn',
      'aria-label': sign ? words : undefined,
      title: sign ? words : undefined,
      onclick,
    },
    sign ? [icon(sign, 's'), h('span', {}, words)] : words,
  );

/** The span of an address, or of the board where the address does not say. */
function spanFor(search, { span: own }) {
  const span = spanOf(search);
  if (span.isOpen && own) Object.assign(span, { range: own, isOpen: false });
  return span;
}

class BoardView {
  #live;
  #name;
  #kept = null;
  /** The board as it is being changed; null while it is not. */
  #draft = null;
  #span = null;
  #charts;
  #asked = latest();
  #loadedAt = Infinity;
  #again = paced(() => this.#renew());
  #title = h('div', { class: 'title' });
  #wrong = h('div', { role: 'status' });
  #place = h('div', {});
  #hand = byHand();
  #dragged = null;

  constructor(live, name) {
    this.#live = live;
    this.#name = name;
    this.#charts = new BoardCharts(live, {
      named: () => this.#shown().title,
      zoom: (from, to) => {
        Object.assign(this.#span, { fixed: [from, to], isOpen: false });
        this.#chosen();
      },
      widen: () => this.picker.widen(),
    });
    const parts = [this.#title, this.#wrong, this.#hand.element, this.#place, this.#charts.element];
    this.element = h('div', { class: 'page host compare board' }, parts);
  }

  start() {
    addEventListener('keydown', this.#typed);
    this.#live.addEventListener('change', this.#changed);
    this.#read();
  }

  leave() {
    removeEventListener('keydown', this.#typed);
    this.#live.removeEventListener('change', this.#changed);
    this.#asked.end();
    this.#charts.leave();
  }

  #shown() {
    return this.#draft ?? this.#kept?.board ?? { title: this.#name, span: null, charts: [] };
  }

  async #read() {
    const isWanted = this.#asked.ask();
    try {
      const kept = await readBoard(this.#name);
      if (isWanted()) this.#open(kept);
    } catch (error) {
      if (isWanted()) fill(this.#wrong, h('p', { class: 'card none' }, error.message));
    }
  }

  #open(kept) {
    this.#kept = kept;
    this.#draft = null;
    this.#hand.show({});
    fill(this.#wrong, problemsOf(kept.problems));
    if (!this.#span) {
      this.#span = spanFor(location.search, this.#shown());
      this.picker = picker(this.#span, () => this.#chosen());
      fill(this.#place, this.picker.element);
      this.picker.show(null);
    }
    this.#draw();
  }

  /** Another span was asked for. */
  #chosen() {
    history.pushState(null, '', `${boardAt(this.#name)}${searchOf(this.#span)}`);
    this.#load();
  }

  /** Where the fleet is not known yet, what labels mean is not either. */
  #isReady() {
    return this.#live.at > 0 || this.#shown().charts.every(({ labels }) => !Object.keys(labels ?? {}).length);
  }

  async #load() {
    if (!this.#span || !this.#isReady()) {
      this.#loadedAt = 0;
      return;
    }
    this.#loadedAt = Date.now();
    this.picker.show(null);
    const ends = endsOf(this.#span);
    const drawn = await this.#charts.load(ends);
    if (drawn) this.picker.show(drawn, ends);
  }

  /** Reads what its charts show again, and its file, which somebody may have changed; not while it is changed here. */
  async #renew() {
    if (this.#draft) return;
    const isWanted = this.#asked.ask();
    const kept = await readBoard(this.#name).catch(() => this.#kept);
    if (!isWanted() || this.#draft) return;
    const isSame = kept.version === this.#kept.version && kept.problems.join() === this.#kept.problems.join();
    if (isSame) await this.#load();
    else this.#open(kept);
  }

  #changed = () => {
    if (!this.#span) return;
    const every = Math.max(KEPT_EVERY, RANGES[this.#span.range] / STEPS);
    if (!this.#span.fixed && Date.now() - this.#loadedAt > every) this.#again();
  };

  #typed = (event) => {
    if (event.key !== 'Escape' || isTyping() || document.querySelector('dialog[open]')) return;
    if (!this.#charts.unfill()) this.picker?.widen();
  };

  #draw() {
    const shown = this.#shown();
    document.title = `${shown.title} · Roundsman`;
    this.#tell(shown);
    this.#charts.show(
      shown.charts,
      this.#draft ? (card, position) => this.#dress(card, position) : undefined,
    );
    if (!shown.charts.length)
      fill(
        this.#charts.element,
        h('p', { class: 'card none' }, t('No charts yet: pin one from the menu of any chart.')),
      );
    this.#load();
  }

  /** The head: its title and what can be done; of one that is changed a field, and the ways to end it. */
  #tell(shown) {
    const space = h('span', { class: 'sp' });
    if (!this.#draft) {
      const link = button(t('Copy link'), () => copy(linkOf(endsOf(this.#span))), 'link');
      const wall = h(
        'a',
        { class: 'btn', href: `${boardAt(this.#name)}?wall=1`, 'data-link': true, 'aria-label': t('Wall') },
        icon('expand', 's'),
        h('span', {}, t('Wall')),
      );
      fill(
        this.#title,
        h('h1', {}, shown.title),
        space,
        wall,
        link,
        button(t('Edit'), () => this.#edit()),
      );
      return;
    }
    const title = h('input', { type: 'text', value: shown.title, 'aria-label': t('Title'), maxLength: 200 });
    title.addEventListener('input', () => {
      this.#draft.title = title.value;
    });
    const span = h('select', { 'aria-label': t('Time range') }, [
      h('option', { value: '' }, t('Usual time range')),
      ...Object.keys(RANGES).map((key) => h('option', { value: key }, key)),
    ]);
    span.value = shown.span ?? '';
    span.addEventListener('change', () => {
      this.#draft.span = span.value || null;
    });
    const save = button(t('Save'), () => this.#save());
    save.className = 'first';
    const cancel = button(t('Cancel'), () => this.#open(this.#kept));
    fill(
      this.#title,
      title,
      span,
      space,
      button(t('Remove board…'), () => this.#remove(), 'x'),
      cancel,
      save,
    );
  }

  #edit() {
    this.#draft = structuredClone(this.#shown());
    this.#draw();
  }

  /** Takes a chart to another place, and the focus with it. */
  #move(from, to, selector) {
    const { charts } = this.#draft;
    if (to < 0 || to >= charts.length || from === to) return;
    charts.splice(to, 0, ...charts.splice(from, 1));
    this.#draw();
    this.#charts.graphs[to].card.querySelector(selector)?.focus();
  }

  /** What a card has while the board is changed: a field for its title, and buttons; and it can be dragged. */
  #dress(card, position) {
    const chart = this.#draft.charts[position];
    const placeholder = card.querySelector('h2').textContent;
    const title = h('input', {
      type: 'text',
      value: chart.title ?? '',
      placeholder,
      'aria-label': t('Title'),
      maxLength: 200,
    });
    title.addEventListener('input', () => {
      chart.title = title.value || null;
    });
    const deed = (sign, words, act, name) =>
      h(
        'button',
        { type: 'button', class: `btn bare sm ic ${name}`, 'aria-label': words, title: words, onclick: act },
        icon(sign, 's'),
      );
    const tools = h(
      'div',
      { class: 'editing', role: 'group', 'aria-label': t('Edit') },
      h('span', { class: 'grip', title: t('Drag') }, icon('dense', 's')),
      title,
      deed('right', t('Earlier'), () => this.#move(position, position - 1, '.earlier'), 'earlier'),
      deed('right', t('Later'), () => this.#move(position, position + 1, '.later'), 'later'),
      deed('x', t('Take off'), () => this.#take(position), 'off'),
    );
    card.prepend(tools);
    tools.draggable = true;
    tools.addEventListener('dragstart', (event) => {
      this.#dragged = position;
      event.dataTransfer.setDragImage(card, 0, 0);
    });
    card.addEventListener('dragover', (event) => this.#dragged !== null && event.preventDefault());
    card.addEventListener('drop', (event) => {
      event.preventDefault();
      const from = this.#dragged;
      this.#dragged = null;
      if (from !== null) this.#move(from, position, 'input');
    });
  }

  #take(position) {
    this.#draft.charts.splice(position, 1);
    this.#draw();
  }

  async #save() {
    try {
      this.#open(await writeBoard(this.#name, this.#draft, this.#kept));
    } catch (error) {
      this.#hand.show(error);
      const again = button(t('Read it again'), () => this.#read());
      fill(
        this.#wrong,
        h('p', { class: 'card none' }, error.message, ' ', error.status === 409 ? again : null),
      );
    }
  }

  #remove() {
    const path = `api/v1/boards/${encodeURIComponent(this.#name)}/remove`;
    ask({
      title: t('Remove board'),
      about: t('Its file is deleted.'),
      fields: [],
      word: t('Remove'),
      send: () => post(path, { version: this.#kept.version }),
      done: () => go(at('boards')),
    });
  }
}

export function board(live, name) {
  const view = new BoardView(live, name);
  view.start();
  return { element: view.element, leave: () => view.leave() };
}
