// Numbers and moments for people. An unknown is a dash, never 0.

import { t } from './i18n.js';
import { inWords } from './sentences.js';
import { partsOf } from './zone.js';

export const UNKNOWN = '–';

/** The order of names: web-2 comes before web-10. */
export const NATURAL = new Intl.Collator(undefined, { numeric: true });

const known = (value) => value !== null && value !== undefined && Number.isFinite(value);

export const number = (value, digits = 2) => (known(value) ? value.toFixed(digits) : UNKNOWN);
export const percent = (value) => (known(value) ? `${value.toFixed(value < 10 ? 1 : 0)} %` : UNKNOWN);

export function bytes(value) {
  if (!known(value)) return UNKNOWN;
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB'];
  let unit = 0;
  let rest = Math.abs(value);
  while (rest >= 1023.95 && unit + 1 < units.length) {
    rest /= 1024;
    unit += 1;
  }
  return `${value < 0 ? '-' : ''}${unit === 0 || rest >= 99.95 ? rest.toFixed(0) : rest.toFixed(1)} ${units[unit]}`;
}
export const rate = (value) => (known(value) ? `${bytes(value)}/s` : UNKNOWN);

export function count(value) {
  if (!known(value)) return UNKNOWN;
  const size = Math.abs(value);
  if (size >= 1e9) return `${(value / 1e9).toFixed(1)} G`;
  if (size >= 1e6) return `${(value / 1e6).toFixed(1)} M`;
  if (size >= 1e4) return `${(value / 1e3).toFixed(1)} k`;
  return size >= 100 || Number.isInteger(value) ? value.toFixed(0) : value.toFixed(1);
}

export function micros(value) {
  if (!known(value)) return UNKNOWN;
  if (value < 1000) return `${value.toFixed(0)} µs`;
  return value < 1e6
    ? `${(value / 1000).toFixed(value < 1e4 ? 1 : 0)} ms`
    : t('{n} s', { n: (value / 1e6).toFixed(1) });
}

/** A length of time in its largest unit. */
export function length(ms) {
  if (!known(ms)) return UNKNOWN;
  const seconds = Math.max(0, ms / 1000);
  if (seconds < 120) return t('{n} s', { n: seconds.toFixed(0) });
  if (seconds < 7200) return t('{n} min', { n: (seconds / 60).toFixed(0) });
  if (seconds < 172800) return t('{n} h', { n: (seconds / 3600).toFixed(0) });
  return t('{n} d', { n: (seconds / 86400).toFixed(0) });
}

const pad = (value, size = 2) => String(value).padStart(size, '0');

/** A moment in the zone of the page, to the second. */
export function moment(ms) {
  if (!known(ms)) return UNKNOWN;
  const parts = partsOf(ms).map((part) => pad(part));
  return `${parts.slice(0, 3).join('-')} ${parts.slice(3).join(':')}`;
}

/** The same to the minute, without a day that is today. */
export function shortMoment(ms) {
  const [day, time] = moment(ms).split(' ');
  return day === moment(Date.now()).split(' ')[0] ? time.slice(0, 5) : `${day.slice(5)} ${time.slice(0, 5)}`;
}

/** What the server says, in the language of the page, with its moments in the zone of the page. */
export const told = (words) =>
  inWords(words).replace(/\b(\d{4}-\d\d-\d\d) (\d\d:\d\d:\d\d) (UTC|[+-]\d\d:\d\d)/g, (_, day, time, zone) =>
    moment(Date.parse(`${day}T${time}${zone === 'UTC' ? 'Z' : zone}`)),
  );

/** A value as its unit wants. */
export function withUnit(unit, value) {
  switch (unit) {
    case 'pct':
      return percent(value);
    case 'bytes':
      return bytes(value);
    case 'bytes_per_s':
      return rate(value);
    case 'per_s':
      return `${count(value)} /s`;
    case 'us':
      return micros(value);
    case 'ms':
      return micros(value * 1e3);
    case 's':
      return value < 120 ? micros(value * 1e6) : length(value * 1e3);
    default:
      return count(value);
  }
}

/** The unit that the end of a column's name says. */
export const unitOf = (name) => /_(pct|bytes_per_s|per_s|bytes|us|ms|s)$/.exec(name)?.[1] ?? '';

/** The units of rules, as ends of names. */
const RULE_UNITS = { '%': 'pct', B: 'bytes', 'B/s': 'bytes_per_s', us: 'us', ms: 'ms', s: 's' };

/** A value of an alarm, with the unit that its rule gives it. */
export function measured(value, unit) {
  if (!known(value)) return UNKNOWN;
  const own = RULE_UNITS[unit];
  return own ? withUnit(own, value) : `${count(value)}${unit ? ` ${unit}` : ''}`;
}

/** As a sentence begins. */
export const sentence = (words) => `${words.slice(0, 1).toUpperCase()}${words.slice(1)}`;

/** A number and its unit apart, as they stand in a column: the unit of a number is not read with it. */
export function parted(words) {
  const cut = words.indexOf(' ');
  return cut < 0 ? [words, ''] : [words.slice(0, cut), words.slice(cut + 1)];
}

/** The time of day, without the seconds: of today alone. */
export const clock = (ms) => shortMoment(ms);
