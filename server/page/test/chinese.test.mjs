// The page in Chinese: every view, at every width, in both themes; chosen by the browser or by its reader.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { endAll, PAGES, REFUSES, shown, startBrowser, startSmall, tab } from './harness.mjs';
import { grave, outside, WIDTHS } from './sight.mjs';
import { CATALOGUE, said } from './texts.mjs';

const CHINESE = { locale: 'zh-CN' };
const VIEWS = [...PAGES, `/hosts/${REFUSES}`, '/?wall'];
/** Vocabularies whose words stand alone where a reader sees them. */
const ALONE = ['state', 'alarm_state', 'outcome', 'severity', 'theme'];

let browser;
let server;
before(async () => {
  browser = await startBrowser();
  ({ server } = await startSmall());
});
after(async () => {
  await browser?.close();
  endAll();
});

const isWord = (text) => /[a-z]{2}/.test(text.replace(/\{\w+\}/g, ''));

/** What English texts and words look like, when values stand in them. */
function english() {
  const { taken, singular } = said();
  const texts = [...taken, ...singular].filter((text) => CATALOGUE.texts[text] !== text);
  const words = ALONE.flatMap((kind) => Object.keys(CATALOGUE.words[kind])).map((word) =>
    word.replaceAll('_', ' '),
  );
  return [...texts.map((text) => text.replace(/\|.*$/, '').trim()), ...words]
    .filter(isWord)
    .map((text) => text.replace(/[.*+?^$()|[\]\\]/g, '\\$&').replace(/\{\w+\}/g, '\\S+'));
}

/** The texts of a document, shown or read out, that are one of these, as a whole or between two dots. */
const among = (patterns) => {
  const meant = new RegExp(`^(${patterns.join('|')})$`, 'i');
  const found = [document.title];
  const texts = document.createTreeWalker(document.documentElement, NodeFilter.SHOW_TEXT);
  for (let text = texts.nextNode(); text; text = texts.nextNode())
    if (!text.parentElement.closest('script, noscript, pre, kbd')) found.push(text.data);
  for (const name of ['title', 'aria-label', 'aria-roledescription', 'placeholder'])
    for (const one of document.querySelectorAll(`[${name}]`)) found.push(one.getAttribute(name));
  return found.flatMap((text) => text.split(' · ')).filter((text) => meant.test(text.trim()));
};

/** Waits until a view has something to say. */
const ready = (page, view) =>
  view === '/?wall' ? page.locator('.wcell').first().waitFor() : shown(page, view);

test('every view is in Chinese: no English text is left, none lies outside of its box', async () => {
  const patterns = english();
  const { page, wrong, close } = await tab(browser, { ...CHINESE, colorScheme: 'light' });
  for (const view of VIEWS) {
    for (const width of WIDTHS) {
      await page.setViewportSize({ width, height: 900 });
      await page.emulateMedia({ colorScheme: 'light' });
      await page.goto(server.at + view);
      await ready(page, view);
      assert.equal(await page.evaluate(() => document.documentElement.lang), 'zh-CN');
      assert.deepEqual(await page.evaluate(among, patterns), [], `${view} at ${width}`);
      for (const colorScheme of ['light', 'dark']) {
        await page.emulateMedia({ colorScheme });
        assert.deepEqual(await page.evaluate(outside), [], `${view} at ${width}, ${colorScheme}`);
      }
    }
    assert.deepEqual(await grave(page, ['color-contrast']), [], `${view} dark`);
    await page.emulateMedia({ colorScheme: 'light' });
    assert.deepEqual(await grave(page), [], `${view} light`);
  }
  assert.deepEqual(wrong, []);
  await close();
});

test('what opens over a view is in Chinese, too', async () => {
  const patterns = english();
  const { page, wrong, close } = await tab(browser, CHINESE);
  await page.goto(`${server.at}/hosts/${REFUSES}`);
  await shown(page, `/hosts/${REFUSES}`);
  const opened = async (open) => {
    await open();
    await page.getByRole('dialog').waitFor();
    assert.deepEqual(await page.evaluate(among, patterns), []);
    assert.deepEqual(await grave(page), []);
    await page.keyboard.press('Escape');
    await page.getByRole('dialog').waitFor({ state: 'detached' });
  };
  await opened(() => page.keyboard.press('?'));
  await opened(() => page.keyboard.press('Control+k'));
  await opened(() => page.getByRole('button', { name: '暂停轮询…' }).click());
  await opened(() => page.getByRole('button', { name: '静默…' }).first().click());
  await opened(() => page.getByRole('button', { name: '确认告警' }).click());
  assert.deepEqual(wrong, []);
  await close();
});

test('the language is the browser’s until its reader chooses; the choice is kept', async () => {
  const { page, close } = await tab(browser, CHINESE);
  const heading = (words) => page.getByRole('heading', { level: 1, name: words }).waitFor();
  await page.goto(server.at);
  await heading('总览');
  await page.getByRole('button', { name: 'EN', exact: true }).click();
  await heading('Fleet');
  assert.equal(await page.evaluate(() => document.documentElement.lang), 'en');
  await page.goto(`${server.at}/events`);
  await heading('Events');
  await page.getByRole('button', { name: '中文' }).click();
  await heading('事件');
  await close();
});

test('English readers do not fetch the Chinese; nothing is shown in English before it is there', async () => {
  const asked = [];
  const other = await tab(browser, { locale: 'de-DE' });
  other.page.on('request', (request) => asked.push(request.url()));
  await other.page.goto(server.at);
  await shown(other.page, '/');
  const files = asked.map((url) => new URL(url).pathname);
  assert.ok(files.some((file) => file.endsWith('/main.js')) && !files.some((file) => file.endsWith('.json')));
  await other.close();

  const { page, wrong, close } = await tab(browser, CHINESE);
  let go;
  const held = new Promise((resolve) => {
    go = resolve;
  });
  const waiting = page.waitForRequest('**/zh-CN.json?*');
  await page.route('**/zh-CN.json?*', async (route) => {
    await held;
    await route.continue();
  });
  await page.goto(server.at);
  await waiting;
  assert.equal(await page.locator('.head').isVisible(), false);
  go();
  await shown(page, '/');
  assert.equal(await page.locator('.head').isVisible(), true);

  // Without it the page is there in English.
  await page.unroute('**/zh-CN.json?*');
  await page.route('**/zh-CN.json?*', (route) => route.fulfill({ status: 503, body: 'away' }));
  await page.goto(server.at);
  await page.getByRole('heading', { level: 1, name: 'Fleet' }).waitFor();
  assert.equal(await page.evaluate(() => document.documentElement.lang), 'en');
  assert.deepEqual(
    wrong.filter((words) => !words.includes('zh-CN.json')),
    [],
  );
  await close();
});
