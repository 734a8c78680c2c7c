// The values of a graph as CSV. Pure.

const isKnown = (value) => value !== null && value !== undefined;
/** What a spreadsheet takes for a formula at the begin of a cell (OWASP, CSV injection). */
const FORMULA = /^[=+\-@\t\r]/;

/** A cell of CSV (RFC 4180): names come from hosts, and are not to be run by who opens the file. */
function cell(words) {
  const safe = FORMULA.test(words) ? `'${words}` : words;
  return /[",\n\r]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}

/** What a line is called in a file: by its column where it is one, else by its name and unit. */
function titleOf(one, { name, plus, minus, file }) {
  if (file) return file;
  if (plus.length === 1 && minus.length === 0) return plus[0];
  return plus.length && one.unit ? `${name} (${one.unit})` : name;
}

/** The values of a graph as CSV: a line per point, by when it begins in UTC; what is not known is empty. */
export function csvOf(one) {
  const [least, most] = one.rangeNames ?? ['least', 'most'];
  const series = one.lines.map((line, position) => [titleOf(one, line), one.values[position]]);
  if (one.range) series.push([least, one.range.min], [most, one.range.max]);
  const head = ['time', ...series.map(([name]) => cell(name))].join(',');
  const rows = one.seconds.map((seconds, point) =>
    [
      new Date(seconds * 1000).toISOString(),
      ...series.map(([, values]) => (isKnown(values[point]) ? String(values[point]) : '')),
    ].join(','),
  );
  return `${[head, ...rows].join('\r\n')}\r\n`;
}
