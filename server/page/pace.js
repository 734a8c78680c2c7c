// Questions that come by themselves do not pile up when the server is slow: what is asked for meanwhile is asked once.

/** How many answers of one kind are waited for at once: a newer one may overtake an older. */
const AT_ONCE = 2;

/** `act`, at most so many times at once; when more is wanted meanwhile, once more after that. */
export function paced(act) {
  let running = 0;
  let isDue = false;
  return async function go() {
    if (running >= AT_ONCE) {
      isDue = true;
      return;
    }
    running += 1;
    try {
      await act();
    } finally {
      running -= 1;
      if (isDue) {
        isDue = false;
        go();
      }
    }
  };
}
