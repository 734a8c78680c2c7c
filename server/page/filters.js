// What narrows the fleet: states, groups, labels. Built once: what is pressed is there until it is let go.

import { h, fill, state } from './dom.js';
import { NATURAL } from './format.js';
import { t } from './i18n.js';
import { STATES } from './live.js';

/** States that are offered without a host in them, too. */
const ALWAYS = ['up', 'down'];

/** A button per state, with how many hosts are in it; of several that are pressed the hosts of all are shown. */
export function chips(view, changed) {
  const press = (word) => {
    const isOn = view.states.includes(word);
    view.states = isOn ? view.states.filter((one) => one !== word) : [...view.states, word];
    changed();
  };
  const all = STATES.map((word) => {
    const count = h('b');
    const button = h(
      'button',
      { type: 'button', class: 'chip', onclick: () => press(word) },
      state(word),
      count,
    );
    return { word, button, count };
  });
  return {
    element: h(
      'div',
      { class: 'row', role: 'group', 'aria-label': t('Filter by state') },
      all.map(({ button }) => button),
    ),
    draw(counts) {
      for (const { word, button, count } of all) {
        const hosts = counts[word] ?? 0;
        const isOn = view.states.includes(word);
        count.textContent = hosts;
        button.classList.toggle('zero', hosts === 0);
        button.setAttribute('aria-pressed', String(isOn));
        // One that has the focus or is chosen stays, so that it can be pressed again.
        button.hidden = !hosts && !ALWAYS.includes(word) && !isOn && document.activeElement !== button;
      }
    },
  };
}

/** A choice of what is there; without anything to choose from it is not shown. */
export function choice(name, all, chosen, choose) {
  const select = h('select', { 'aria-label': name, onchange: () => choose(select.value) });
  let before = null;
  return {
    element: select,
    /** What there is to choose from now; what is chosen stays, even when it is gone. */
    offer(words) {
      const options = [...new Set([...words, chosen()])].filter(Boolean).sort(NATURAL.compare);
      const said = JSON.stringify([options, chosen()]);
      if (said === before) return;
      before = said;
      select.hidden = options.length === 0;
      const option = (word) => h('option', { value: word, selected: word === chosen() }, word);
      fill(select, [h('option', { value: '' }, all), ...options.map(option)]);
    },
  };
}
