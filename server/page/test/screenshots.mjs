// Makes the pictures of the README from a real run: node test/screenshots.mjs [SECONDS] [FOLDER]

import path from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { startBrowser, startFleet, startServer, tab, until } from './harness.mjs';

const seconds = Number(process.argv[2] ?? 300);
const to = process.argv[3] ?? fileURLToPath(new URL('../../../docs/images', import.meta.url));
const PICTURES = [
  ['fleet', '/', 'light', 1400, 860],
  ['fleet-cpu-dark', '/?colour=cpu&sort=cpu', 'dark', 1400, 860],
  ['host', '/hosts/build-40?range=15m', 'light', 1400, 1000],
  ['phone', '/', 'light', 390, 844],
];

const behave = ['1%=flapping=20s/25s', '#35=slow=10s', '#60=refuse', '#87=refuse', '#200=garbage', '#31=stepping-clock=1h', '#40=flapping=50s/15s'];
const fleet = await startFleet({ hosts: 600, interval: '5s', behave });
const server = await startServer(fleet.inventory);
await until('most hosts are up', async () => (await server.json('/api/v1/fleet')).counts.up > 500);
await fleet.set('#120', 'wrong-machine');
await server.post('/api/v1/hosts/db-18/pause', { for: '2h', reason: 'new disk' });
const browser = await startBrowser();
const tabs = [];
for (const [name, address, colorScheme, width, height] of PICTURES) {
  const { page } = await tab(browser, { colorScheme, viewport: { width, height } });
  await page.goto(server.at + address);
  tabs.push([name, page]);
}
// Open all the while, so that what they saw is drawn.
await pause(seconds * 1000);
for (const [name, page] of tabs) await page.screenshot({ path: path.join(to, `${name}.png`) });
await browser.close();
process.exit(0);
