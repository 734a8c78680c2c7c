// Answers overtake each other. Only the newest one counts, and only while its question is still asked.

/**
 * Keeps apart the answers of one place in the page. `ask(about)` is called before each question; what it returns says,
 * once the answer is there, whether to show it. An answer to another question than the newest is not shown, nor one
 * that comes after the answer to a later question. Answers that are late, but in turn, are: a server that takes longer
 * than from one question to the next is shown all the same.
 */
export function latest() {
  let asked = 0;
  let shown = 0;
  let question;
  let ended = false;
  return {
    ask(about = '') {
      asked += 1;
      const mine = asked;
      if (about !== question) [question, shown] = [about, mine];
      return () => {
        if (ended || mine < shown) return false;
        shown = mine;
        return true;
      };
    },
    /** Nothing is shown from now on: the view was left. */
    end() {
      ended = true;
    },
  };
}
