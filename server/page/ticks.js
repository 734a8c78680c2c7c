// The ticks of an axis: round, few, from 0 on; and what stands at them.

import { withUnit } from './format.js';

const KIB = 1024;
/** Steps within one power of ten, and of 1024. */
const DECIMAL = [1, 2, 2.5, 5, 10];
const BINARY = [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024];

/** The smallest round step by which `high` is reached in at most `most` steps; bytes have round steps of their own. */
function stepOf(high, most, unit) {
  if (!(high > 0)) return 1;
  const wanted = high / most;
  const isBytes = unit.startsWith('bytes');
  const base = isBytes ? KIB : 10;
  const power = base ** Math.floor(Math.log(wanted) / Math.log(base));
  const step = (isBytes ? BINARY : DECIMAL)
    .map((one) => one * power)
    .find((one) => one >= wanted * (1 - 1e-9));
  return isBytes ? Math.max(1, step) : step;
}

/**
 * The ends of an axis for values from `low`, at most 0, to `high`, and its ticks: both ends are ticks, but that of a
 * whole, which ends where it ends.
 */
export function axisOf(low, high, { unit, most, steps }) {
  const whole = most && high <= most * 1.001 ? most : 0;
  // What a whole is may have been rounded up.
  const spare = whole ? 0.01 : 1e-9;
  const step =
    whole && unit === 'pct'
      ? 25 * Math.max(1, Math.round(4 / steps))
      : stepOf((whole || high) - low, steps, unit);
  const reach = (value) => Math.ceil(value / step - spare);
  const [down, up] = [low < 0 ? reach(-low) : 0, Math.max(reach(whole || high), low < 0 ? 0 : 1)];
  const ticks = Array.from({ length: down + up + 1 }, (_, position) => (position - down) * step);
  return { min: -down * step, max: up * step, ticks };
}

/** What stands at a tick: both ways of a mirror count from 0. */
export const tickWords = (unit, value) => {
  const size = Math.abs(value);
  if (size === 0) return unit === 'pct' ? '0 %' : '0';
  if (unit === 'pct') return `${Number(size.toPrecision(3))} %`;
  // Parts of what is written in a smaller unit are whole.
  if (size < 1 && unit !== 'ms' && unit !== 's')
    return withUnit(unit, 0).replace('0', Number(size.toPrecision(2)));
  return withUnit(unit, size).replace(/\.0(?= |$)/, '');
};
