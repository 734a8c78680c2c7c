// Makes the pictures of both READMEs from a real run: node test/screenshots.mjs [SECONDS] [FOLDER]

import path from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { firstChart, startBrowser, startFleet, startServer, tab, until } from './harness.mjs';

/** Charts of a quarter of an hour are full after as long. */
const seconds = Number(process.argv[2] ?? 900);
const to = process.argv[3] ?? fileURLToPath(new URL('../../../docs/images', import.meta.url));
/** The host whose story is shown; it is gone twice, for these shares of the run. */
const HOST = 'build-40';
const AWAY = [
  [0.4, 0.45],
  [0.75, 0.78],
];
const PICTURES = [
  ['fleet', '/', 'light', 1440, 1100],
  ['fleet-zh', '/', 'light', 1440, 1100, 'zh-CN'],
  ['fleet-cpu-dark', '/?colour=cpu&sort=cpu', 'dark', 1440, 1100],
  ['host', `/hosts/${HOST}?range=15m`, 'light', 1440, 1100],
  ['host-tables', `/hosts/${HOST}?range=15m`, 'light', 1440, 1100],
  ['wall', '/?wall', 'dark', 1920, 1080],
  ['phone', '/', 'light', 390, 844],
  ['phone-host', `/hosts/${HOST}?range=15m`, 'dark', 390, 844],
];
/** A deployment is annotated after this share of the run. */
const DEPLOYED = 0.2;

const behave = [
  '#51=flapping=20s/25s',
  '#35=slow=10s',
  '#17=refuse',
  '#41=refuse',
  '#22=garbage',
  '#31=stepping-clock=1h',
];
const fleet = await startFleet({ hosts: 60, interval: '5s', behave });
const labels = (inventory) =>
  inventory.replace(
    /name = "(\w+)-(\d+)"\n/g,
    (line, role, number) => `${line}labels = { rack = "${'abcdef'[number % 6]}${number % 4}" }\n`,
  );
const server = await startServer(labels(fleet.inventory));
await until('most hosts are up', async () => (await server.json('/api/v1/fleet')).counts.up > 50);
await fleet.set('#12', 'wrong-machine');
await server.post('/api/v1/hosts/db-18/pause', { for: '2h', reason: 'new disk' });
const story = [
  ...AWAY.flatMap(([gone, back]) => [
    [gone, () => fleet.set(HOST, 'refuse')],
    [back, () => fleet.set(HOST, 'healthy')],
  ]),
  [
    DEPLOYED,
    () =>
      server.post('/api/v1/annotations', {
        text: 'build 2.4.1',
        kind: 'deploy',
        who: 'ci',
        groups: ['build'],
      }),
  ],
  [1, () => {}],
].sort(([a], [b]) => a - b);
let passed = 0;
for (const [share, act] of story) {
  await pause((share - passed) * seconds * 1000);
  await act();
  passed = share;
}
const browser = await startBrowser();
for (const [name, address, colorScheme, width, height, locale = 'en'] of PICTURES) {
  const { page } = await tab(browser, { colorScheme, locale, viewport: { width, height } });
  await page.goto(server.at + address);
  const isHost = address.startsWith('/hosts');
  await page.waitForSelector(isHost ? '.leg' : name === 'wall' ? '.wcell' : 'tr:has(.dot.up)');
  if (!isHost) await page.locator('[data-tile=polls] .chart > *').waitFor({ state: 'attached' });
  if (name === 'host') {
    // Over the first time that it was gone: the chart says why.
    const plot = await (await firstChart(page)).locator('.u-over').boundingBox();
    const share = 1 - ((1 - (AWAY[0][0] + AWAY[0][1]) / 2) * seconds) / 900;
    await page.mouse.move(plot.x + plot.width * share + 1, plot.y + 60);
    await page.mouse.move(plot.x + plot.width * share, plot.y + 60);
    await page.locator('.chart-tip').first().waitFor();
  }
  if (name === 'host-tables') {
    // The head and the choice of the span stay above.
    const tables = page.locator('.tables');
    await tables.evaluate((one) => scrollTo(0, one.getBoundingClientRect().top + scrollY - 110));
  }
  await pause(1500);
  await page.screenshot({ path: path.join(to, `${name}.png`) });
}
await browser.close();
process.exit(0);
