// What is pressed stays until it is let go: a click goes to what is under the pointer at both moments.

let pressed = false;
let waiting = [];

function letGo() {
  pressed = false;
  // After the click, which comes right after this.
  setTimeout(() => {
    if (pressed) return;
    const ready = waiting;
    waiting = [];
    for (const again of ready) again();
  });
}
addEventListener(
  'pointerdown',
  () => {
    pressed = true;
  },
  true,
);
for (const end of ['pointerup', 'pointercancel']) addEventListener(end, letGo, true);
// The window's own, not that of what has the focus in it.
addEventListener('blur', letGo);
// Of a scroll bar that is let go browsers say nothing.
addEventListener('pointermove', (event) => pressed && event.buttons === 0 && letGo(), true);

/** Whether something is pressed, and so nothing may move; then `again` is called once it is let go. */
export function isPressed(again) {
  if (pressed && !waiting.includes(again)) waiting.push(again);
  return pressed;
}
