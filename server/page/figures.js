// Values with their units set apart: the number is what is read.

import { h } from './dom.js';
import { parted, UNKNOWN, withUnit } from './format.js';

const KIB = 1024;
const BYTES = ['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB'];

/** Words with their unit in a `u`, to be put into an element. */
export function withU(words) {
  const [number, unit] = parted(words);
  return unit ? [`${number}\u00a0`, h('u', {}, unit)] : [number];
}

const isKnown = (value) => value !== null && value !== undefined && Number.isFinite(value);

/** A value in words, as fine as a legend has it: shares to a tenth. */
export function said(unit, value) {
  if (!isKnown(value)) return UNKNOWN;
  if (unit === 'pct') return `${value.toFixed(1)} %`;
  if (unit === '' && !Number.isInteger(value) && Math.abs(value) < 100) return value.toFixed(2);
  return withUnit(unit, value);
}

/** The same with its unit set apart. */
export const valueWords = (unit, value) => withU(said(unit, value));

/** Several values in the unit of the greatest, rates or sizes: numbers, and the unit once. */
export function together(values, isRate = false) {
  const most = Math.max(0, ...values.filter(isKnown));
  const power = Math.min(
    BYTES.length - 1,
    Math.max(0, Math.floor(Math.log(Math.max(1, most)) / Math.log(KIB))),
  );
  const one = (value) => {
    if (!isKnown(value)) return UNKNOWN;
    const size = value / KIB ** power;
    return power === 0 ? size.toFixed(0) : size.toFixed(1);
  };
  return { numbers: values.map(one), unit: isRate ? `${BYTES[power]}/s` : BYTES[power] };
}
