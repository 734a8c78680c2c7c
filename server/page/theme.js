// The reader's theme, density and language, before anything is painted: a classic script, which the parser waits for.

{
  const root = document.documentElement;
  /** What the browser keeps under a key, when it is one of the words that are known. */
  const kept = (key, known) => {
    try {
      const word = localStorage.getItem(key);
      return known.test(word) ? word : undefined;
    } catch {
      // Without a memory the page is as the system wants it.
      return undefined;
    }
  };
  for (const key of ['theme', 'density']) {
    const word = kept(key, /^(light|dark|dense)$/);
    if (word) root.dataset[key] = word;
  }
  const language =
    kept('language', /^(en|zh-CN)$/) ?? navigator.languages.find((one) => /^(en|zh)\b/i.test(one));
  if (/^zh/i.test(language)) {
    root.lang = 'zh-CN';
    // Nothing is shown in English first: i18n.js takes this away.
    root.dataset.untranslated = '';
  }
}
