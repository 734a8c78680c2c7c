// The columns that hosts can be compared by: the usual ones, and every other of the server's list.

import { get } from './api.js';
import { t } from './i18n.js';

/** The usual ones, in their order, under the names of the page's charts. */
export const USUAL = [
  { column: 'cpu_busy_pct', name: 'CPU' },
  { column: 'mem_used_pct', name: t('Memory') },
  { column: 'disk_written_bytes_per_s', name: t('Disk written') },
  { column: 'disk_read_bytes_per_s', name: t('Disk read') },
  { column: 'net_tx_bytes_per_s', name: t('Network out') },
  { column: 'net_rx_bytes_per_s', name: t('Network in') },
  { column: 'fs_used_max_pct', name: t('Fullest disk') },
  { column: 'load_1', name: t('Load') },
];

/** What is compared of a group when nobody says: one chart each. */
export const OVERVIEW = ['cpu_busy_pct', 'mem_used_pct', 'net_tx_bytes_per_s', 'disk_written_bytes_per_s'];

/** The name of a column in words. */
export const nameOf = (column) => USUAL.find((one) => one.column === column)?.name ?? column;

let asked = null;

/** Every column of a host, with what it means: asked for once. */
export function columns() {
  asked ??= get('api/v1/columns').then(
    ({ values }) => values.map(({ name, meaning }) => ({ column: name, meaning })),
    (error) => {
      asked = null;
      throw error;
    },
  );
  return asked;
}
