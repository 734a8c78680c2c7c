// One graph of a page fills the window: by its button, or by F where it is pointed at or has the focus.

import { isTyping } from './dom.js';
import { size } from './graph.js';

/** Of the graphs that `all()` gives. */
export function whole(all) {
  let now = null;
  function toggle(one) {
    const changed = now ?? one;
    now = now ? null : one;
    changed.isWhole = now !== null;
    changed.card.classList.toggle('whole', changed.isWhole);
    changed.open.setAttribute('aria-pressed', String(changed.isWhole));
    document.documentElement.classList.toggle('covered', changed.isWhole);
    size(changed);
  }
  const typed = (event) => {
    if (event.key !== 'f' || event.ctrlKey || event.metaKey || event.altKey) return;
    if (isTyping() || document.querySelector('dialog[open]')) return;
    const drawn = all().filter(({ card }) => card.isConnected);
    const one =
      now ??
      drawn.find(({ isOver }) => isOver) ??
      drawn.find(({ card }) => card.contains(document.activeElement)) ??
      drawn[0];
    if (one) toggle(one);
  };
  addEventListener('keydown', typed);
  return {
    toggle,
    /** Puts the graph back; whether there was one. */
    end() {
      if (!now) return false;
      toggle(null);
      return true;
    },
    leave() {
      removeEventListener('keydown', typed);
      document.documentElement.classList.remove('covered');
    },
  };
}
