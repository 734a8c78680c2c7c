// Squarified treemaps: rectangles of given areas that fill a box and are as near to squares as they come
// (Bruls, Huizing, van Wijk: Squarified Treemaps, 2000). Pure.

/** How far from a square the worst rectangle of a row is: 1 is one. `sum`, `most` and `least` are areas, `side` px. */
const worst = (sum, most, least, side) =>
  Math.max((side * side * most) / (sum * sum), (sum * sum) / (side * side * least));

/**
 * A rectangle `{ x, y, wide, high }`, px, for each of these weights, in their order; they are above 0, and come largest
 * first.
 */
export function squarify(weights, width, height) {
  const all = weights.reduce((sum, weight) => sum + weight, 0);
  const areas = weights.map((weight) => (weight / all) * width * height);
  const places = [];
  const box = { x: 0, y: 0, wide: width, high: height };
  for (let from = 0; from < areas.length;) {
    const side = Math.min(box.wide, box.high);
    let [sum, to] = [areas[from], from + 1];
    // A row takes the next one for as long as its rectangles become better by it.
    while (
      to < areas.length &&
      worst(sum + areas[to], areas[from], areas[to], side) <= worst(sum, areas[from], areas[to - 1], side)
    )
      sum += areas[to++];
    const isUpright = box.wide >= box.high;
    const thick = to === areas.length ? (isUpright ? box.wide : box.high) : sum / side;
    let along = 0;
    for (const area of areas.slice(from, to)) {
      const long = (area / sum) * side;
      places.push(
        isUpright
          ? { x: box.x, y: box.y + along, wide: thick, high: long }
          : { x: box.x + along, y: box.y, wide: long, high: thick },
      );
      along += long;
    }
    if (isUpright) Object.assign(box, { x: box.x + thick, wide: box.wide - thick });
    else Object.assign(box, { y: box.y + thick, high: box.high - thick });
    from = to;
  }
  return places;
}
