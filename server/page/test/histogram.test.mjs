// How the means of hosts spread, over the list of some: what is drawn is what the server says.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { endAll, startBrowser, startFleet, startServer, tab, until } from './harness.mjs';

const HOSTS = 20;
const WRITTEN = 'disk_written_bytes_per_s';

let browser;
let server;
before(async () => {
  browser = await startBrowser();
  const fleet = await startFleet({ hosts: HOSTS, interval: '1s' });
  server = await startServer(fleet.inventory);
  await until('all hosts have some values', async () => {
    const { top } = await server.json(`/api/v1/top?column=${WRITTEN}&n=100`);
    return top.length === HOSTS && top.every(({ count }) => count > 3);
  });
});
after(async () => {
  await browser?.close();
  endAll();
});

test('how all hosts spread stands over the list: as the server says, by a pointer and by keys', async () => {
  const { page, wrong, close } = await tab(browser);
  // A span that is over, so that every answer is the same.
  const to = Date.now();
  const answers = [];
  page.on('response', async (response) => {
    if (new URL(response.url()).pathname === '/api/v1/top') answers.push(await response.json());
  });
  await page.goto(`${server.at}/compare?top=5&column=${WRITTEN}&from=${to - 300_000}&to=${to}`);
  const bins = page.locator('.histogram .bins');
  await bins.waitFor();
  await until('its answer is here, too', async () => answers.length > 0);
  const { distribution, top, hosts } = answers.at(-1);
  const { bins: counts, bins_from: from, bins_to: end } = distribution;
  assert.equal(
    counts.reduce((sum, one) => sum + one, 0),
    HOSTS,
  );
  const binOf = (mean) =>
    Math.min(counts.length - 1, Math.floor(((mean - from) / (end - from)) * counts.length));
  const most = Math.max(...counts);
  // As high as there are hosts, the listed ones at the foot.
  const drawn = await bins.locator('.bin').evaluateAll((all) => {
    const high = (one) => (one ? parseFloat(one.style.height) : 0);
    return all.map((one) => [high(one.querySelector('i')), high(one.querySelector('i > i'))]);
  });
  const listedIn = (bin) => top.filter(({ avg }) => binOf(avg) === bin);
  const share = (part, all) => (all ? Number(((100 * part) / all).toFixed(1)) : 0);
  assert.deepEqual(
    drawn,
    counts.map((count, bin) => [share(count, most), share(listedIn(bin).length, count)]),
  );
  const leftOf = (some) =>
    page.locator(`.histogram ${some}`).evaluateAll((all) => all.map((one) => parseFloat(one.style.left)));
  const at = (value) => Number(((100 * (value - from)) / (end - from)).toFixed(2));
  assert.deepEqual(await leftOf('.at'), [at(distribution.p50), at(distribution.p90)]);
  assert.deepEqual(
    await leftOf('.stands > i'),
    top.map(({ avg }) => at(avg)),
  );
  assert.match(await bins.getAttribute('aria-label'), new RegExp(`^Means of ${hosts} hosts: half below \\d`));
  // What is pointed at is told, and its hosts are marked in the list.
  const note = page.getByRole('status').and(page.locator('.histogram .note'));
  const lit = () => page.locator('.ranking tr.lit a').allInnerTexts();
  const count = (bin) => `${counts[bin]} host${counts[bin] === 1 ? '' : 's'}`;
  const ofTop = binOf(top[0].avg);
  await bins.locator('.bin').nth(ofTop).hover();
  const some = listedIn(ofTop).map(({ host }) => host);
  assert.match(await note.innerText(), new RegExp(`: ${count(ofTop)}, ${some.length} of them listed$`));
  assert.deepEqual(await lit(), some);
  await page.mouse.move(0, 0);
  assert.deepEqual([await note.innerText(), await lit()], ['', []]);
  // By keys from the middle on.
  await bins.focus();
  const middle = binOf(distribution.p50);
  for (const [key, bin] of [
    ['ArrowRight', middle],
    ['ArrowRight', Math.min(counts.length - 1, middle + 1)],
    ['ArrowLeft', Math.min(counts.length - 2, middle)],
    ['Home', 0],
    ['ArrowLeft', 0],
    ['End', counts.length - 1],
  ]) {
    await page.keyboard.press(key);
    assert.equal(await bins.locator('.bin.on').getAttribute('data-bin'), String(bin), key);
    assert.ok((await note.innerText()).includes(`: ${count(bin)}`), key);
  }
  // Of few hosts the list says it.
  const { hosts: all } = await server.json('/api/v1/hosts?fields=name');
  const few = all.map(({ name }) => name).slice(0, 4);
  await page.goto(`${server.at}/compare?hosts=${few.join()}&column=${WRITTEN}&from=${to - 300_000}&to=${to}`);
  await page.locator('.ranking tbody tr').nth(3).waitFor();
  assert.equal(await page.locator('.histogram').isVisible(), false);
  assert.deepEqual(wrong, []);
  await close();
});
