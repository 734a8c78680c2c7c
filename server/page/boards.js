// The boards there are: their titles, what is wrong with their files, and the way to a new one.

import { h, fill, link } from './dom.js';
import { ask, field } from './deeds.js';
import { go } from './finder.js';
import { t, tn } from './i18n.js';
import { latest } from './latest.js';
import { nameFor } from './boardtext.js';
import { boardAt, byHand, readBoards, writeBoard } from './pin.js';
import { at } from './place.js';

/** What is wrong with a file, a line each. */
export const problemsOf = (problems) =>
  problems.length
    ? h(
        'ul',
        { class: 'problems' },
        problems.map((words) => h('li', {}, words)),
      )
    : null;

/** Asks for the title of a new board, and opens it. */
function begin(taken) {
  const title = field(t('Title'), { required: true, autofocus: true });
  const hand = byHand();
  let name = '';
  ask({
    title: t('New board'),
    about: t('Boards are files beside the inventory.'),
    fields: [title.element, hand.element],
    word: t('Create'),
    async send() {
      name = nameFor(title.input.value, taken);
      try {
        await writeBoard(name, { title: title.input.value, charts: [] });
      } catch (error) {
        hand.show(error);
        throw error;
      }
    },
    done: () => go(boardAt(name)),
  });
}

function cardOf({ name, title, charts, problems }) {
  const way = h('a', { class: 'cover', href: boardAt(name), 'data-link': true }, title ?? name);
  const count = h('span', { class: 'm' }, tn(charts, '{n} chart', '{n} charts'));
  return h('li', { class: 'card' }, h('h2', {}, way), count, problemsOf(problems));
}

export function boards() {
  const asked = latest();
  const list = h('ul', { class: 'boardlist' });
  const about = h('p', { class: 'm' });
  const wrong = h('div', { role: 'status' });
  let names = [];
  const make = h('button', { type: 'button', class: 'btn', onclick: () => begin(names) }, t('New board'));
  const title = h('div', { class: 'title' }, h('h1', {}, t('Boards')), h('span', { class: 'sp' }));
  const wall = link(at('boards?wall=1'), t('Wall'));
  wall.className = 'btn';
  title.append(wall, make);
  const isWanted = asked.ask();
  readBoards().then(
    ({ boards: all, folder, writable, problems }) => {
      if (!isWanted()) return;
      names = all.map(({ name }) => name);
      fill(list, all.map(cardOf));
      const files = t('Each is a file of {folder}.', { folder });
      const none = t('No boards yet: pin a chart from its menu, or begin one here.');
      fill(about, all.length ? files : none);
      if (!writable) about.append(` ${t('The server may not write there: put files there by hand.')}`);
      fill(wrong, problemsOf(problems));
    },
    (error) => isWanted() && fill(wrong, h('p', { class: 'card none' }, error.message)),
  );
  const element = h('div', { class: 'page boards' }, title, wrong, list, about);
  return { element, leave: () => asked.end() };
}
