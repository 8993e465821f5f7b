/* What a thumb does: end a task, take it back, settle who was first, sign out. */
import { whom } from "./copying.js";
import { handOn } from "./focus.js";
import { doneAfter, openRow } from "./list.js";
import { box, newKey } from "./outbox.js";
import { $, body, say } from "./page.js";
import { act, flush, heard } from "./sending.js";
import { draw } from "./shown.js";
import { toast } from "./slip.js";

const OFFERED = 2000; // after which a way on is offered

export async function end(holder, what, more = {}) {
  const { task, name } = holder.dataset, thing = "thing" in holder.dataset;
  if (what === "done" && "photo" in holder.dataset) return location.assign(`${body.dataset.home}tasks/${task}/`);
  const sentence = what !== "done" ? say(what, { name }) : thing ? say("doneThing", { name }) : say("done", { name: whom(holder) });
  if ($("#today")) {
    act(task, what, { name, thing, ...more });
    toast(box.isUnkept() ? say("unkept") : sentence, { task, name });
    handOn();
    return;
  }
  if ("sending" in holder.dataset) return;
  const onward = holder.dataset.next || body.dataset.home;
  await answered(holder, onward, act(task, what, { name, thing, ...more }));
  if (box.isUnkept()) return toast(say("unkept"), { task, name });
  sessionStorage.setItem("slip", JSON.stringify(heard.refusal ? { sentence: heard.refusal } : { sentence, undo: { task, name } }));
  const clashed = box.in("clash").some((entry) => entry.task === task);
  location.assign(clashed ? body.dataset.home : heard.onward || onward); // a newcomer's next step first
}

/** What comes next is the server's to say, however slow it is; where it is ill or there is no line, the page goes on by what is on this
    phone. Whoever does not wait either goes on by themselves: what is sent waits in the outbox. */
async function answered(holder, onward, asked) {
  Object.assign(heard, { refusal: "", onward: "" });
  holder.dataset.sending = "";
  const offer = setTimeout(() => toast(say("stillSending"), null, { href: onward, textContent: say("goOn") }, true), OFFERED);
  let how = await asked, isIllAgain = false;
  while (how === "slow" || (how === "ill" && !isIllAgain)) {
    isIllAgain = how === "ill";
    how = await flush();
  }
  clearTimeout(offer);
  delete holder.dataset.sending;
}

export async function takeBack(task, name) {
  const later = doneAfter(task), page = $("main");
  if (later) return toast(say("underLater", { name: later.dataset.name }));
  if ("sending" in page.dataset) return;
  $("#toast").hidden = true;
  const asked = act(task, "undo", { name }), there = `${body.dataset.home}tasks/${task}/`;
  if ($("#today")) {
    openRow(task);
    toast(say("reopened", { name }));
    handOn($(`#today article[data-task="${task}"] .go:not(.lock)`));
    return;
  }
  await answered(page, there, asked);
  if (heard.refusal) toast(heard.refusal);
  else location.assign(there);
}

/** What waits here is not to be sent. */
export function forget(key) {
  const { to, task, name } = box.all().find((each) => each.key === key);
  if (!to) return takeBack(task, name);
  box.drop(key);
  draw();
}

export function settle(button) {
  const entry = box.all().find((each) => each.key === button.closest("[data-key]").dataset.key);
  if (!entry) return;
  box.drop(entry.key);
  if (button.dataset.do === "mine") {
    box.add({ ...entry, key: newKey(), act: "undo", state: "waiting", tries: 0, at: Date.now() });
    box.add({ ...entry, key: newKey(), state: "waiting", tries: 0, at: Date.now() });
  }
  draw();
  flush().then(() => location.reload());
}

export async function leave(form, sure) {
  await flush();
  const unsent = box.in("waiting");
  if (unsent.length && !sure) {
    $("#leave-title").textContent = say("unsaved", { n: unsent.length });
    $("#leave").showModal();
    return;
  }
  // Today's list, the outbox and the worker belong to this seat.
  for (const name of Object.keys(localStorage)) if (name.startsWith(`phone:${body.dataset.home}:`)) localStorage.removeItem(name);
  sessionStorage.clear();
  if ("caches" in window) for (const name of await caches.keys()) if (name.startsWith(`phone:${body.dataset.home}:`)) await caches.delete(name);
  const worker = await navigator.serviceWorker?.getRegistration(body.dataset.home);
  if (worker) await worker.unregister();
  form.submit();
}
