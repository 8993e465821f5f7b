/* A text with one tap into the clipboard; where the phone has none, by hand. */
import { fill, handOn } from "./focus.js";
import { $, $$, aloud, icon, say } from "./page.js";

export async function copy(button) {
  const holder = button.closest("[data-task]");
  const text = $(".text", holder).textContent;
  let byHand = false;
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    byHand = !copyTheOldWay(text);
  }
  const head = say(byHand ? "byHand" : "copied", { name: whom(holder) });
  fill(null);
  aloud(head);
  if (button.classList.contains("copy")) {
    button.classList.add("done_");
    $("[data-slot=head]", button).textContent = head;
    icon($(".cl .qx-icon", button), "check");
    if (byHand) selected(text, (field) => button.after(field));
    fill($("[data-sent]"));
    return;
  }
  $$(".copied").forEach((other) => other !== holder && restore(other));
  if (!$(".after", holder)) holder.append(afterCopy(holder));
  holder.classList.add("copied");
  $(".said span", holder).textContent = head;
  icon($(".go:not(.lock) .qx-icon", holder), "check");
  if (byHand) selected(text, (field) => $(".said", holder).after(field));
  fill($("[data-do=sent]", holder));
  $("[data-do=sent]", holder).scrollIntoView({ block: "nearest" });
  if (!byHand) handOn();
}

/** Whom a text is for: the person, or the chat. */
export const whom = (holder) => holder.dataset.to ?? ("thing" in holder.dataset ? holder.dataset.where : holder.dataset.name);

/** What comes after the copy in a row of the list: into the chat, and sent. */
function afterCopy(row) {
  const after = $("#after-copy").content.cloneNode(true);
  leadToChat($("[data-chat]", after), row.dataset.chat);
  if ("photo" in row.dataset) $("[data-slot=sent]", after).textContent = say("photo");
  return after;
}

export function leadToChat(link, chat) {
  if (chat) link.href = chat;
  else link.remove();
}

function copyTheOldWay(text) {
  const field = document.createElement("textarea");
  field.value = text;
  field.readOnly = true;
  field.className = "byhand";
  document.body.append(field);
  field.select();
  let copied = false;
  try { copied = document.execCommand("copy"); } catch { /* by hand then */ }
  field.remove();
  return copied;
}

function selected(text, put) {
  const field = document.createElement("textarea");
  field.value = text;
  field.readOnly = true;
  field.className = "byhand";
  put(field);
  field.focus();
  field.select();
}

export function restore(row) {
  row.classList.remove("copied");
  $$(".after", row).forEach((after) => after.remove());
  const drawing = $(".go:not(.lock) .qx-icon", row);
  if (drawing) icon(drawing, "copy");
}
