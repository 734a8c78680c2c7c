// Hosts that are ticked in the fleet's table, and the way to compare them.

import { fill, h, icon } from './dom.js';
import { addressOf } from './comparing.js';
import { t } from './i18n.js';
import { isNarrowed } from './view.js';

/** Hosts that the server compares at most. */
const MOST = 1000;

/** What is ticked; `changed` is called when that is something else. */
export function picked(changed) {
  const names = new Set();
  const link = h('a', { class: 'btn', 'data-link': true });
  const clear = h('button', { type: 'button', class: 'btn bare', onclick: () => empty() }, t('Clear'));
  function empty() {
    names.clear();
    changed();
  }
  function toggle(name) {
    if (!names.delete(name)) names.add(name);
    changed();
  }
  /** What is compared: what is ticked; without that the hosts that are shown. */
  function wanted(list, view) {
    if (names.size) return { hosts: [...names] };
    const isGroup = view.group && !view.q && !view.label && !view.states.length;
    if (isGroup || !isNarrowed(view)) return { group: view.group };
    return { hosts: list.slice(0, MOST).map(({ name }) => name) };
  }
  return {
    element: h('span', { class: 'row picks' }, clear, link),
    /** The box of a host's row. */
    box: (name) =>
      h('input', {
        type: 'checkbox',
        class: 'tick',
        checked: names.has(name),
        'aria-label': t('Choose {host}', { host: name }),
        title: t('To compare; or X'),
        'data-pick': name,
      }),
    /** Listens to the boxes in `body`, and to X on a host's link. */
    listen(body) {
      body.addEventListener('change', ({ target }) => target.dataset.pick && toggle(target.dataset.pick));
      body.addEventListener('keydown', (event) => {
        const box = event.target.closest('tr')?.querySelector('[data-pick]');
        if (event.key !== 'x' || event.ctrlKey || event.metaKey || event.altKey || !box) return;
        event.preventDefault();
        toggle(box.dataset.pick);
      });
    },
    /** Shows in `body` which are ticked. */
    show(body) {
      for (const box of body.querySelectorAll('[data-pick]')) box.checked = names.has(box.dataset.pick);
      body.parentElement.classList.toggle('picking', names.size > 0);
    },
    draw(list, view) {
      link.href = addressOf(wanted(list, view));
      fill(
        link,
        icon('compare', 's'),
        h('span', {}, names.size ? t('Compare {n}', { n: names.size }) : t('Compare')),
      );
      link.hidden = list.length === 0;
      clear.hidden = names.size === 0;
    },
  };
}
