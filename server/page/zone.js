// The time zone of every moment on the page: the browser's own, or UTC; kept by the browser.

const KEPT = 'zone';
const UTC = 'UTC';

function kept() {
  try {
    return localStorage.getItem(KEPT) === UTC;
  } catch {
    // Without a memory it is the browser's.
    return false;
  }
}
let isUtcNow = kept();

export const isUtc = () => isUtcNow;

/** The name of the zone. */
export const zoneName = () => (isUtcNow ? UTC : Intl.DateTimeFormat().resolvedOptions().timeZone);

/** Changes to the other zone; `roundsman:zone` tells it. */
export function zone() {
  isUtcNow = !isUtcNow;
  try {
    localStorage.setItem(KEPT, isUtcNow ? UTC : '');
  } catch {
    // It lasts as long as the page, then.
  }
  dispatchEvent(new Event('roundsman:zone'));
}

/** A moment as year, month from 1 on, day, hour, minute and second. */
export function partsOf(ms) {
  const at = new Date(ms);
  return isUtcNow
    ? [
        at.getUTCFullYear(),
        at.getUTCMonth() + 1,
        at.getUTCDate(),
        at.getUTCHours(),
        at.getUTCMinutes(),
        at.getUTCSeconds(),
      ]
    : [at.getFullYear(), at.getMonth() + 1, at.getDate(), at.getHours(), at.getMinutes(), at.getSeconds()];
}

/** The moment that a field without a zone says, ms; not a number for what is none. */
export const momentOf = (text) => new Date(isUtcNow && text ? `${text}Z` : text).getTime();
