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
  ['phone', '/', 'light', 390, 844],
];

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
let passed = 0;
for (const [gone, back] of AWAY) {
  await pause((gone - passed) * seconds * 1000);
  await fleet.set(HOST, 'refuse');
  await pause((back - gone) * seconds * 1000);
  await fleet.set(HOST, 'healthy');
  passed = back;
}
await pause((1 - passed) * seconds * 1000);
const browser = await startBrowser();
for (const [name, address, colorScheme, width, height, locale = 'en'] of PICTURES) {
  const { page } = await tab(browser, { colorScheme, locale, viewport: { width, height } });
  await page.goto(server.at + address);
  await page.waitForSelector(name === 'host' ? '.leg' : 'tr:has(.dot.up)');
  if (name === 'host') {
    // Over the first time that it was gone: the chart says why.
    const plot = await (await firstChart(page)).locator('.u-over').boundingBox();
    const share = 1 - ((1 - (AWAY[0][0] + AWAY[0][1]) / 2) * seconds) / 900;
    await page.mouse.move(plot.x + plot.width * share + 1, plot.y + 60);
    await page.mouse.move(plot.x + plot.width * share, plot.y + 60);
    await page.locator('.chart-tip').first().waitFor();
  }
  await pause(1500);
  await page.screenshot({ path: path.join(to, `${name}.png`) });
}
await browser.close();
process.exit(0);
