/* The assistant's phone. The pages work without this file; with it a text is one tap away, the next task comes by itself,
   and what is ticked in a lift waits in the outbox under its own id until there is a network: sent twice, it is one act. */
import { end, forget, leave, settle, takeBack } from "./phone/acts.js";
import { copy } from "./phone/copying.js";
import { offerToFind } from "./phone/find.js";
import { fill } from "./phone/focus.js";
import { install, offerToInstall } from "./phone/install.js";
import { bringNext } from "./phone/list.js";
import { banner, lost, reached } from "./phone/network.js";
import { box } from "./phone/outbox.js";
import { $, $$, body, hasTaskPage, say } from "./phone/page.js";
import { prove, share } from "./phone/pictures.js";
import { answer, flush } from "./phone/sending.js";
import { draw } from "./phone/shown.js";
import { hideLater, toast } from "./phone/slip.js";
import { showTask } from "./phone/task.js";
import { keepTyped } from "./phone/typed.js";

function onClick(event) {
  const button = event.target.closest("[data-do]");
  if (!button) return;
  const doing = {
    copy: () => copy(button),
    sent: () => end(button.closest("[data-task]"), "done"),
    cannot: () => $("#cannot").showModal(),
    later: () => $("#later").showModal(),
    word: () => $("#word").showModal(),
    share: () => share(button),
    close: () => button.closest("dialog").close(),
    "take-back": () => takeBack(button.dataset.task, button.dataset.name),
    forget: () => forget(button.closest("[data-key]").dataset.key),
    theirs: () => settle(button),
    mine: () => settle(button),
    leave: () => leave($("[data-leave]"), true),
    theme: () => dressAs(button),
    install,
  }[button.dataset.do];
  if (button.tagName === "A") event.preventDefault();
  doing();
}

function onSubmit(event) {
  const form = event.target, named = event.submitter?.closest("[data-answers]");
  if (form.matches("[data-leave]")) {
    event.preventDefault();
    leave(form, false);
  } else if (named) {
    event.preventDefault();
    answer(named, event.submitter);
  } else if (form.matches("[data-tick]")) {
    event.preventDefault();
    const sent = new FormData(form, event.submitter);
    const holder = (event.submitter || form).closest("[data-task], [data-ended]");
    const task = sent.get("task"), what = sent.get("act");
    $$("dialog[open]").forEach((dialog) => dialog.close());
    if (what === "undo") takeBack(task, holder?.dataset.name || "");
    else end(holder, what, { reason: sent.get("reason") || "", note: sent.get("note") || "", until: sent.get("until") || "" });
  }
}

function dressAs(button) {
  document.cookie = `theme=${button.value}; path=/; max-age=31536000; samesite=lax${location.protocol === "https:" ? "; secure" : ""}`;
  const dark = button.value === "dark" || (button.value === "system" && matchMedia("(prefers-color-scheme: dark)").matches);
  Object.assign(document.documentElement.dataset, { theme: button.value, bsTheme: dark ? "dark" : "light" });
  $$("#theme button").forEach((other) => other.setAttribute("aria-pressed", other === button));
}

if (!navigator.onLine) lost();
box.tidy();
draw();
banner();
bringNext();
const asked = location.pathname.match(/\/tasks\/([0-9a-f-]{36})\/$/);
if (asked && $("#today")) {
  showTask(asked[1]);
  if (!hasTaskPage()) history.replaceState(null, "", body.dataset.home);
  draw();
} else if (hasTaskPage()) fill($("#task .copy") || $("#task .foot .filled") || $("#task [data-sent]") || $("#task .foot a"));
keepTyped();
offerToFind();
offerToInstall();
const slip = sessionStorage.getItem("slip");
sessionStorage.removeItem("slip");
if (slip) { const { sentence, undo } = JSON.parse(slip); toast(sentence, undo); } else if (!$("#toast").hidden) hideLater();
document.addEventListener("click", onClick);
document.addEventListener("submit", onSubmit);
document.addEventListener("change", (event) => { if (event.target.matches("[data-proof] [type=file]")) prove(event.target.form); });
addEventListener("online", () => { reached(); draw(); flush(); });
addEventListener("offline", () => { lost(); draw(); });
document.addEventListener("visibilitychange", () => { if (!document.hidden && box.in("waiting").length) flush(); });
setInterval(() => { if (box.in("waiting").length && navigator.onLine) flush(); }, 15000);
if (box.in("waiting").length) flush();
addEventListener("beforeunload", (event) => { if (box.isUnkept()) event.preventDefault(); });
navigator.serviceWorker?.register(body.dataset.worker, { scope: body.dataset.home }).catch(() => {});
