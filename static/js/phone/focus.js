/* One filled button at a time, and whoever uses keys is led on to it. */
import { $, $$, body } from "./page.js";

/** One filled button at a time, and it is the next thing to do. */
export function fill(button) {
  $$(".filled").forEach((other) => !other.closest("dialog") && other.classList.remove("filled"));
  if (button) button.classList.add("filled");
}

/** Whoever uses keys is not dropped: where what they pressed is gone, the focus goes on to the next thing to do. */
export function handOn(to = $(".filled")) {
  requestAnimationFrame(() => requestAnimationFrame(() => {
    const on = document.activeElement;
    if (on && on !== body && on.checkVisibility()) return;
    (to?.isConnected ? to : $(".filled") || $("#today a, #task a"))?.focus({ preventScroll: true });
  }));
}
