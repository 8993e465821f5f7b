/* Today's list: what is ended or put off leaves it and comes back, the next one comes by itself, and everything is counted. */
import { restore } from "./copying.js";
import { fill } from "./focus.js";
import { downSince } from "./network.js";
import { box } from "./outbox.js";
import { $, $$, clock, icon, say } from "./page.js";

const kept = new Map(); // rows that were ticked here, to be put back
const endedBefore = $$("[data-ended]").map((row) => row.dataset.ended);

export function takeOut(task) {
  const row = $(`#today article[data-task="${task}"]`);
  if (!row) return null;
  restore(row);
  kept.set(task, row);
  const pile = row.closest(".pile");
  row.remove();
  if (pile) recount(pile);
  wait();
  bringNext();
  count();
  return row;
}

export function endRow(entry) {
  const row = takeOut(entry.task);
  const shown = $(`[data-ended="${entry.task}"]`);
  if (!row || shown) return;
  const ended = $("#ended-row").content.cloneNode(true).firstElementChild;
  ended.dataset.ended = entry.task;
  ended.dataset.minutes = row.dataset.minutes;
  ended.dataset.name = row.dataset.name;
  for (const mark of ["thing", "after"]) if (mark in row.dataset) ended.dataset[mark] = row.dataset[mark];
  $("button", ended).value = entry.task;
  $(".title", ended).innerHTML = $(".title", row).innerHTML;
  $(".t", ended).href = $(".t", row).href;
  $("small", ended).textContent = say(entry.act !== "done" ? "endedImpossible" : entry.thing ? "endedDoneThing" : "endedDone", { time: clock(entry.at) });
  $("button", ended).setAttribute("aria-label", `${say("undo")}: ${row.dataset.name}`);
  if (entry.act !== "done") icon($(".i .qx-icon", ended), "ban");
  $("#ended .pcard").prepend(ended);
  $("#ended").hidden = false;
  count();
}

/** It is gone from this page, and comes back in its place with the next one; what waits for it goes with it. */
export function putOff(task) {
  for (const each of [...$$(`#today article[data-after="${task}"]`).map((row) => row.dataset.task), task]) takeOut(each)?.setAttribute("data-put-off", "");
  count();
}

export function openRow(task) {
  $(`[data-ended="${task}"]`)?.remove();
  const row = kept.get(task);
  const behind = [...kept.values()].filter((other) => other.dataset.after === task && "putOff" in other.dataset);
  if (row && !row.isConnected) {
    const pile = pileOf(row), first = $("#next article");
    if (!first || !pile || first.dataset.after === task) {
      if (first) putBack(first);
      asNext(row);
    } else {
      row.classList.remove("next");
      onTop(pile, row);
    }
    for (const each of [row, ...behind]) {
      each.removeAttribute("data-put-off");
      kept.delete(each.dataset.task);
      if (each !== row && pile) onTop(pile, each, row);
    }
    if (pile) recount(pile);
    wait();
    fillTheNext();
  }
  count();
}

/** What wants a photo goes last while there is no network, and says why. */
export function needNetwork(isCut) {
  const wanted = $$("#today article[data-photo]").filter((row) => row.classList.contains("cut") !== isCut);
  for (const row of wanted) {
    row.classList.toggle("cut", isCut);
    const words = $(".needs", row);
    if (!isCut) { words.remove(); continue; }
    $("small", row).append(Object.assign(document.createElement("span"), { className: "needs", textContent: say("needsNetwork") }));
    if (row.parentElement.id === "next" && !$("#piles article:not(.barred, [data-photo])")) continue;
    const pile = pileOf(row);
    if (!pile) continue;
    row.classList.remove("next");
    $$("article", pile).at(-1)?.after(row);
    recount(pile);
  }
  if (wanted.length) bringNext();
}

/** Whether this was done after it, so that it is taken back first. */
export const doneAfter = (task) => $(`[data-ended][data-after="${task}"]`);

/** A talk waits for its red packet, here as there: it opens when that is ended, in a lift too. */
function wait() {
  for (const row of $$("#today article[data-after]")) row.classList.toggle("barred", Boolean($(`#today article[data-task="${row.dataset.after}"]`)));
}

const pileOf = (row) => $(`#piles .pile[data-group="${row.dataset.group}"]`);

function onTop(pile, row, behind = null) {
  const place = $(".pcard", pile) || pile;
  if (behind?.parentElement === place) behind.after(row);
  else if ($("article", place)) $("article", place).before(row);
  else place.append(row);
}

/** A row that was the next one goes back to the top of its chat. */
function putBack(row) {
  const pile = pileOf(row);
  if (!pile) return;
  row.classList.remove("next");
  onTop(pile, row);
  recount(pile);
}

function asNext(row) {
  restore(row);
  row.classList.add("next");
  if (!$(".k", row)) {
    const head = $("#next-head").content.cloneNode(true);
    $(".gp", head).textContent = row.dataset.where;
    $("span:last-child", head).textContent = row.dataset.takes;
    row.prepend(head);
  }
  $("#next").prepend(row);
}

export function bringNext() {
  if ($("#next article")) return fillTheNext();
  wait();
  const row = $("#piles article:not(.barred)");
  if (!row) return fill(null);
  const pile = row.closest(".pile");
  asNext(row);
  recount(pile);
  return fillTheNext();
}

function fillTheNext() {
  if ($(".copied")) return;
  fill($("#next .go:not(.lock)"));
}

/** What is empty is hidden, since its rows may come back. */
export function recount(pile) {
  const left = $$("article", pile).length, more = $(".more", pile), folds = pile.closest(".folds");
  pile.hidden = !left;
  if (folds) folds.hidden = !$$(".pile", folds).some((each) => !each.hidden);
  const slot = $("[data-count]", pile);
  if (slot) slot.textContent = left;
  if (!more || pile.id === "ended") return;
  const folded = $$("article", more).length;
  more.hidden = !folded;
  if (folded && folded === left) more.open = true;
  $("summary b", more).textContent = say("more", { n: folded });
}

function worked(all) {
  const hours = Math.floor(all / 60), minutes = all % 60;
  return say(!hours ? "minutes" : minutes ? "hoursMinutes" : "hours", { hours, minutes });
}

function count() {
  const list = $("#today");
  if (!list) return;
  const total = Number(list.dataset.total) - [...kept.values()].filter((row) => !row.isConnected && "putOff" in row.dataset).length;
  const gone = [...kept.values()].filter((row) => !row.isConnected);
  const reopened = endedBefore.filter((task) => !$(`[data-ended="${task}"]`)).length;
  const left = Number(list.dataset.left) - gone.length + reopened;
  const minutes = Number(list.dataset.minutes) - gone.reduce((sum, row) => sum + Number(row.dataset.minutes), 0);
  $$("[data-left]", $(".top")).forEach((slot) => { slot.textContent = left; });
  $$("span [data-minutes], b[data-minutes]", list).forEach((slot) => { slot.textContent = worked(minutes); });
  $$("[data-done]", list).forEach((slot) => { slot.textContent = total - left; });
  const bar = $("progress", list);
  if (bar) Object.assign(bar, { max: total || 1, value: total - left });
  $("#ended").hidden = !$("#ended [data-ended]");
  if (!left && Number(list.dataset.left) && !downSince() && !box.in("waiting", "clash").length) location.reload();
}
