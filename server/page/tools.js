// What stands over the fleet's table: filter, density, columns.

import { h, icon } from './dom.js';
import { COLUMNS } from './columns.js';
import { t } from './i18n.js';
import { density, isDense } from './look.js';

/** Under which the browser remembers the columns that are shown. */
const KEPT = 'columns';

/** The columns that are shown: those that were chosen, or the usual ones. The host's name is always there. */
export function shownColumns() {
  let kept = null;
  try {
    kept = JSON.parse(localStorage.getItem(KEPT));
  } catch {
    // As usual, then.
  }
  return COLUMNS.filter(
    ({ key, extra }) => key === 'name' || (Array.isArray(kept) ? kept.includes(key) : !extra),
  );
}

/** The choice of columns: a list that opens under its button. */
export function columnMenu(changed) {
  const boxes = COLUMNS.filter(({ key }) => key !== 'name').map(({ key, label }) => {
    const box = h('input', { type: 'checkbox', value: key, onchange: () => choose() });
    return { box, element: h('label', {}, box, label) };
  });
  function choose() {
    const keys = boxes.filter(({ box }) => box.checked).map(({ box }) => box.value);
    try {
      localStorage.setItem(KEPT, JSON.stringify(keys));
    } catch {
      // They last as long as the page, then.
    }
    changed(COLUMNS.filter(({ key }) => key === 'name' || keys.includes(key)));
  }
  const usual = h('button', { type: 'button', class: 'plain', onclick: () => reset() }, t('As usual'));
  function reset() {
    localStorage.removeItem(KEPT);
    show();
    changed(shownColumns());
  }
  function show() {
    const keys = shownColumns().map(({ key }) => key);
    for (const { box } of boxes) box.checked = keys.includes(box.value);
  }
  show();
  const list = h(
    'div',
    { class: 'menu', role: 'group', 'aria-label': t('Columns') },
    boxes.map(({ element }) => element),
    usual,
  );
  const summary = h(
    'summary',
    { class: 'btn ic', 'aria-label': t('Columns'), title: t('Columns') },
    icon('columns'),
  );
  const element = h('details', { class: 'columns' }, summary, list);
  const away = (event) => {
    if (element.open && !element.contains(event.target)) element.open = false;
  };
  const typed = (event) => {
    if (event.key !== 'Escape' || !element.open) return;
    element.open = false;
    summary.focus();
  };
  addEventListener('pointerdown', away);
  element.addEventListener('keydown', typed);
  return { element, leave: () => removeEventListener('pointerdown', away) };
}

/** How close rows are. */
export function densitySwitch() {
  const button = (dense, name, words) =>
    h(
      'button',
      { type: 'button', title: words, 'aria-label': words, onclick: () => density(dense) },
      icon(name),
    );
  const [roomy, dense] = [button(false, 'roomy', t('Comfortable')), button(true, 'dense', t('Compact'))];
  const show = () => {
    roomy.setAttribute('aria-pressed', String(!isDense()));
    dense.setAttribute('aria-pressed', String(isDense()));
  };
  show();
  return {
    element: h('div', { class: 'seg density', role: 'group', 'aria-label': t('Density') }, roomy, dense),
    show,
  };
}

/** The filter over names, groups and labels. */
export function searchField(view, changed) {
  const input = h('input', {
    type: 'search',
    value: view.q,
    placeholder: t('Name, group or rack=a1'),
    'aria-label': t('Filter hosts'),
    oninput: () => {
      view.q = input.value;
      changed();
    },
  });
  return { input, element: h('label', { class: 'field filter' }, icon('filter'), input) };
}
