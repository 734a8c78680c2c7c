// The reader's theme and density, before anything is painted: a classic script, which the parser waits for.

for (const key of ['theme', 'density']) {
  try {
    const kept = localStorage.getItem(key);
    if (/^(light|dark|dense)$/.test(kept)) document.documentElement.dataset[key] = kept;
  } catch {
    // Without a memory the page is as the system wants it.
  }
}
