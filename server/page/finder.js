// A dialog to find something by some letters and choose it by keys: the palette, a column, a host.

import { fill, glyph, h, icon } from './dom.js';
import { t } from './i18n.js';

export const go = (address) => dispatchEvent(new CustomEvent('roundsman:go', { detail: address }));

/** Whether words have each of those that were typed. */
export function fits(words, typed) {
  const all = words.toLowerCase();
  return typed
    .toLowerCase()
    .split(/\s+/)
    .every((word) => all.includes(word));
}

/** Words with what was typed marked in them. */
function marked(words, typed) {
  const begin = typed ? words.toLowerCase().indexOf(typed.toLowerCase()) : -1;
  if (begin < 0) return [words];
  const end = begin + typed.length;
  return [words.slice(0, begin), h('mark', {}, words.slice(begin, end)), words.slice(end)];
}

function entryOf(entry, typed, number) {
  return h(
    'li',
    { role: 'option', id: `found-${number}`, 'aria-selected': 'false' },
    entry.state ? glyph(entry.state) : icon(entry.icon),
    h(
      'span',
      { class: 'words' },
      marked(entry.words, typed),
      ' ',
      h('span', { class: 'm' }, entry.more ?? ''),
    ),
    h(
      'span',
      {},
      (entry.hint ?? '').split(' ').map((key) => key && h('kbd', {}, key)),
    ),
  );
}

/** The field, the list below it, and what is told at its foot. */
function elements(label, placeholder) {
  const input = h('input', {
    type: 'search',
    role: 'combobox',
    autocomplete: 'off',
    spellcheck: false,
    placeholder,
    'aria-label': label,
    'aria-expanded': 'true',
    'aria-controls': 'found',
  });
  const list = h('div', { id: 'found', role: 'listbox', 'aria-label': t('Found') });
  const told = h('p', { role: 'status' });
  const key = (name, words) => h('span', {}, h('kbd', {}, name), ` ${words}`);
  const keys = [key('↑ ↓', t('choose')), key('Enter', t('open')), key('Ctrl Enter', t('new tab'))];
  const head = h('label', { class: 'q' }, icon('search'), input, h('kbd', {}, 'Esc'));
  const props = { class: 'palette', 'aria-label': label };
  const dialog = h('dialog', props, head, list, h('footer', {}, keys, told));
  return { dialog, input, list, told };
}

/** The dialog: what is typed, what is found, which of it is chosen. */
function dialogOf({ label, placeholder, sections }) {
  const { dialog, input, list, told } = elements(label, placeholder);
  const tell = (words) => {
    told.textContent = words;
  };
  let all = [];
  let chosen = 0;
  function choose(number) {
    all[chosen]?.element.setAttribute('aria-selected', 'false');
    chosen = (number + all.length) % Math.max(1, all.length);
    const { element } = all[chosen] ?? {};
    element?.setAttribute('aria-selected', 'true');
    element?.scrollIntoView({ block: 'nearest' });
    input.setAttribute('aria-activedescendant', element?.id ?? '');
  }
  function act({ address, act: deed }, isApart) {
    if (address && isApart) open(address, '_blank', 'noopener');
    else if (address) {
      dialog.close();
      go(address);
    } else if (deed) {
      const done = (words) => (words ? tell(words) : dialog.close());
      Promise.resolve(deed()).then(done, (error) => tell(error.message));
    }
  }
  function draw() {
    const typed = input.value.trim();
    all = [];
    const shown = sections(typed, tell).map(([title, entries]) => {
      const rows = entries.map((entry) => {
        const element = entryOf(entry, typed, all.length);
        element.addEventListener('click', (event) => act(entry, event.ctrlKey || event.metaKey));
        all.push({ entry, element });
        return element;
      });
      return h('ul', { role: 'group', 'aria-label': title }, h('h3', { 'aria-hidden': 'true' }, title), rows);
    });
    fill(list, shown.length ? shown : h('p', { class: 'none' }, t('Nothing matches "{typed}"', { typed })));
    choose(0);
  }
  const steps = { ArrowDown: 1, ArrowUp: -1 };
  input.addEventListener('input', draw);
  input.addEventListener('keydown', (event) => {
    // Of a search field the key would empty the field at first.
    if (event.key === 'Escape') dialog.close();
    else if (steps[event.key]) choose(chosen + steps[event.key]);
    else if (event.key === 'Enter' && all[chosen]) act(all[chosen].entry, event.ctrlKey || event.metaKey);
    else return;
    event.preventDefault();
  });
  dialog.addEventListener('click', (event) => event.target === dialog && dialog.close());
  draw();
  return { dialog, input };
}

/**
 * Opens one, unless a dialog is open: `sections(typed, tell)` gives titles with entries: `words`, a `state` or
 * an `icon`, and an `address` or what is done in `act`, which may return words to be told.
 */
export function find(spec) {
  if (document.querySelector('dialog[open]')) return;
  const { dialog, input } = dialogOf(spec);
  dialog.addEventListener('close', () => dialog.remove());
  document.body.append(dialog);
  dialog.showModal();
  input.focus();
}
