/* The dark slip at the foot, with the undo. */
import { $, aloud, say } from "./page.js";

let timer = null;

export function toast(sentence, undo = null, link = null, stays = false) {
  const slip = $("#toast");
  slip.replaceChildren();
  const text = document.createElement("span");
  text.dataset.said = "";
  text.textContent = sentence;
  slip.append(text);
  if (undo) {
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = say("undo");
    button.dataset.do = "take-back";
    Object.assign(button.dataset, { task: undo.task, name: undo.name });
    slip.append(button);
  }
  if (link) slip.append(Object.assign(document.createElement("a"), link));
  slip.hidden = false;
  aloud(sentence);
  if (stays) clearTimeout(timer);
  else hideLater();
}

export function hideLater() {
  const slip = $("#toast");
  clearTimeout(timer);
  timer = setTimeout(() => (slip.matches(":hover, :focus-within") ? hideLater() : (slip.hidden = true)), 10000);
}
