// A list of what happened, newest first: read page by page, each row shown once.

import { arrange, h, titles } from './dom.js';
import { t } from './i18n.js';
import { latest } from './latest.js';
import { isPressed } from './press.js';

/** The rows that are shown, each of them once: two pages may overlap in a millisecond. */
function rowList({ label, columns, keyOf, rowOf }) {
  const body = h('tbody');
  const table = h('table', { class: 'changes' }, titles(columns), body);
  const props = { class: 'wide', hidden: true, tabIndex: 0, role: 'region', 'aria-label': label };
  const element = h('div', props, table);
  let shown = new Map();
  return {
    element,
    /** Shows events in place of those before, or after them. */
    show(all, further) {
      const rows = all.map((event) => [keyOf(event), shown.get(keyOf(event)) ?? rowOf(event)]);
      shown = new Map([...(further ? shown : []), ...rows]);
      arrange(body, [...shown.values()]);
      element.hidden = shown.size === 0;
    },
  };
}

/**
 * The list: `ask(to)` reads what was before `to`, or the newest, `about()` says of what, `at(event)` when one was,
 * `none` that there is none.
 */
export function listing({ ask, about, at, none, ...rows }) {
  const list = rowList(rows);
  const words = h('p', { class: 'none', role: 'status', hidden: true });
  const older = h(
    'button',
    { type: 'button', class: 'older', hidden: true, onclick: () => load(true) },
    t('Older'),
  );
  const questions = latest();
  /** The oldest event that is shown; whether pages were turned back; when it was read. */
  const read = { oldest: null, turned: false, at: 0 };

  function show(page, further) {
    list.show(page.events, further);
    const oldest = page.events.at(-1);
    read.oldest = oldest ? at(oldest) : read.oldest;
    older.hidden = !page.more;
    words.textContent = none;
    words.hidden = !list.element.hidden;
  }

  async function load(further = false) {
    Object.assign(read, { at: Date.now(), turned: further });
    const to = further ? read.oldest + 1 : undefined;
    const isWanted = questions.ask(JSON.stringify([about(), to]));
    try {
      const page = await ask(to);
      // Rows move when others come in: not while one is pressed.
      const put = () => !isPressed(put) && isWanted() && show(page, further);
      put();
    } catch (error) {
      if (!isWanted()) return;
      words.textContent = error.message;
      words.hidden = false;
    }
  }
  return { elements: [list.element, words, older], read, load, leave: () => questions.end() };
}
