/* Onto the home screen with one tap, where the browser offers it; elsewhere «me» says how. */
import { $ } from "./page.js";

let offer = null;

export function offerToInstall() {
  addEventListener("beforeinstallprompt", (event) => {
    event.preventDefault(); // not in the middle of the work: it waits on the page «me»
    offer = event;
    show(true);
  });
  addEventListener("appinstalled", () => show(false));
}

export function install() {
  offer?.prompt();
  show(false);
}

function show(isOffered) {
  const button = $("#install");
  if (button) button.hidden = !isOffered;
}
