// The language of the page. The English text is the key; zh-CN.json has the Chinese of each text and of each word of
// the API's vocabularies. What it lacks is shown in English.

/** The language: as theme.js chose it. Without a document, as in tests, it is English. */
const root = globalThis.document?.documentElement;
const LANGUAGES = { en: 'EN', 'zh-CN': '中文' };

/** The catalogue; none for English. A module that uses this one is run once it is there. */
async function load() {
  if (root?.lang !== 'zh-CN') return null;
  try {
    const from = new URL('./zh-CN.json', import.meta.url);
    // It is kept by the browser as long as this script is.
    from.search = new URL(import.meta.url).search;
    const answer = await fetch(from);
    if (!answer.ok) throw new Error(answer.statusText);
    return await answer.json();
  } catch {
    root.lang = 'en';
    return null;
  }
}
export const catalogue = await load();
const PLURALS = new Intl.PluralRules('en');

const own = (words, key) => (words && Object.hasOwn(words, key) ? words[key] : undefined);
/** What stands behind a bar is not shown: it tells two texts apart that are one in English, `To|a state`. */
const text = (key) => own(catalogue?.texts, key) ?? key.replace(/\|.*$/, '');

/** A text in the reader's language: `t('{n} of {all} hosts', { n, all })`. */
export const t = (key, values = {}) =>
  text(key).replace(/\{(\w+)\}/g, (all, name) => String(own(values, name) ?? all));

/**
 * A text about `n` of something: `tn(count, '{n} host', '{n} hosts')`. The catalogue has the plural alone, as Chinese
 * has one form.
 */
export const tn = (n, one, many, values = {}) =>
  t(catalogue || PLURALS.select(n) !== 'one' ? many : one, { n, ...values });

/** A text with elements in it, as children for `h`: `tp('See {link}.', { link: h('a', …) })`. */
export const tp = (key, values) =>
  text(key)
    .split(/\{(\w+)\}/)
    .map((part, place) => (place % 2 ? (own(values, part) ?? `{${part}}`) : part))
    .filter((part) => part !== '');

/** A word of one of the API's vocabularies, `term('state', 'up')`; `english` is what it is called in English. */
export const term = (kind, code, english = String(code).replaceAll('_', ' ')) =>
  own(own(catalogue?.words, kind), code) ?? english;

/** The language that the page can change to, and its short name in itself. */
export const otherLanguage = () => {
  const tag = catalogue ? 'en' : 'zh-CN';
  return { tag, name: LANGUAGES[tag] };
};

/** Changes to the other language: the browser keeps it, and the page is read anew. */
export function changeLanguage() {
  try {
    localStorage.setItem('language', otherLanguage().tag);
  } catch {
    // Without a memory the page is in the browser's language.
  }
  location.reload();
}

/**
 * Translates the texts that stand in index.html, once they do: `data-t` is an element's text, `data-t-label` its name
 * for those who hear it.
 */
export function translate() {
  if (catalogue) {
    for (const element of document.querySelectorAll('[data-t]')) element.textContent = t(element.textContent);
    for (const element of document.querySelectorAll('[data-t-label]'))
      element.setAttribute('aria-label', t(element.getAttribute('aria-label')));
  }
  delete root.dataset.untranslated;
}
