// Pins a chart to a board: one that there is, or a new one.

import { get, put } from './api.js';
import { boardText, nameFor } from './boardtext.js';
import { nameOf } from './catalogue.js';
import { ask, choice, field } from './deeds.js';
import { h } from './dom.js';
import { t } from './i18n.js';
import { at } from './place.js';

/** In the place of a name: a new board. No name has such a character. */
const NEW = '+';

const boardPath = (name) => `api/v1/boards/${encodeURIComponent(name)}`;
/** The address of a board's page. */
export const boardAt = (name) => at(`boards/${encodeURIComponent(name)}`);

let known = [];

/** Reads which boards there are; those known meanwhile are [`boardsKnown`]. */
export async function readBoards() {
  const page = await get('api/v1/boards');
  known = page.boards;
  return page;
}
export const boardsKnown = () => known;

/** One board as it is. */
export const readBoard = (name) => get(boardPath(name));

/** Writes a board in the place of `version`, or a new one; why that was refused may have the text to keep by hand. */
export async function writeBoard(name, board, { version, text: before } = {}) {
  const text = boardText(board, before);
  try {
    return await put(boardPath(name), version ? { text, version } : { text });
  } catch (error) {
    if (error.status === 503) error.text = text;
    throw error;
  }
}

/** The text of a board that could not be written, to be copied; hidden until `show(error)` has one. */
export function byHand() {
  const area = h('textarea', {
    readOnly: true,
    rows: 8,
    'aria-label': t('Text of the board, to be put there by hand'),
  });
  const element = h('div', { class: 'byhand', hidden: true }, area);
  return {
    element,
    show(error) {
      element.hidden = !error.text;
      area.value = error.text ?? '';
    },
  };
}

/** Asks for a board and pins `chart` to it; of several `columns` the reader chooses one. */
export async function pin({ columns, ...chart }) {
  const page = await readBoards().catch(() => ({ boards: [] }));
  const boards = page.boards.filter(({ title }) => title !== null);
  const names = Object.fromEntries(boards.map((one) => [one.name, one.title]));
  const which = choice(t('Board'), { ...names, [NEW]: t('New board') });
  const title = field(t('Title of the new board'), {});
  const value = choice(t('Value'), Object.fromEntries(columns.map((column) => [column, nameOf(column)])));
  const hand = byHand();
  const show = () => {
    const isNew = which.select.value === NEW;
    title.element.hidden = !isNew;
    title.input.required = isNew;
  };
  which.select.addEventListener('change', show);
  show();
  value.element.hidden = columns.length < 2;
  ask({
    title: t('Pin to board'),
    about: t('Boards are files beside the inventory.'),
    fields: [which.element, title.element, value.element, hand.element],
    word: t('Pin'),
    async send() {
      const one = { ...chart, column: value.select.value };
      try {
        if (which.select.value === NEW) {
          const name = nameFor(
            title.input.value,
            page.boards.map((board) => board.name),
          );
          await writeBoard(name, { title: title.input.value, charts: [one] });
        } else {
          const kept = await readBoard(which.select.value);
          await writeBoard(kept.name, { ...kept.board, charts: [...kept.board.charts, one] }, kept);
        }
      } catch (error) {
        hand.show(error);
        throw error;
      }
    },
    done: () => readBoards().catch(() => {}),
  });
}
