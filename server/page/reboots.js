// When a host has booted: where its time since boot is less than it was.

import { shortMoment } from './format.js';
import { t } from './i18n.js';

/** Shorter falls of the mean of a point, s, are no boot: points hold several polls. */
const LEAST_S = 5;

/** The boots within an answer that has the time since boot, as marks. */
export function reboots({ series, seconds }) {
  const found = [];
  let before = null;
  (series.get('uptime_s') ?? []).forEach((up, point) => {
    if (up === null || up === undefined) return;
    if (before !== null && up < before - LEAST_S) {
      const at = Math.round((seconds[point] - up) * 1000);
      found.push({
        at: Math.max(seconds[0] * 1000, at),
        kind: 'reboot',
        words: t('reboot {time}', { time: shortMoment(at) }),
      });
    }
    before = up;
  });
  return found;
}
