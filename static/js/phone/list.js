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
  if (pile) shrink(pile);
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
  if ("thing" in row.dataset) ended.dataset.thing = "";
  $("[name=task]", ended).value = entry.task;
  $(".title", ended).innerHTML = $(".title", row).innerHTML;
  $(".t", ended).href = $(".t", row).href;
  $("small", ended).textContent = say(entry.act !== "done" ? "endedImpossible" : entry.thing ? "endedDoneThing" : "endedDone", { time: clock(entry.at) });
  $("button", ended).setAttribute("aria-label", `${say("undo")}: ${row.dataset.name}`);
  if (entry.act !== "done") icon($(".i .qx-icon", ended), "ban");
  $("#ended .pcard").prepend(ended);
  $("#ended").hidden = false;
  count();
}

/** It is gone from this page, and comes back in its place with the next one. */
export function putOff(task) {
  takeOut(task)?.setAttribute("data-put-off", "");
  count();
}

export function openRow(task) {
  const shown = $(`[data-ended="${task}"]`);
  if (shown) shown.remove();
  const row = kept.get(task);
  row?.removeAttribute("data-put-off");
  if (row && !row.isConnected) {
    const pile = $(`#piles .pile[data-group="${row.dataset.group}"]`);
    const first = $("#next article");
    row.classList.remove("next");
    if (!first || !pile) {
      if (first) putBack(first);
      $("#next").prepend(row);
      row.classList.add("next");
    } else (($(".pcard", pile) || pile).querySelector("article") || {}).before?.(row);
    if (pile) recount(pile);
    kept.delete(task);
    fillTheNext();
  }
  count();
}

/** A row that was the next one goes back to the top of its chat. */
function putBack(row) {
  const pile = $(`#piles .pile[data-group="${row.dataset.group}"]`);
  const first = pile && $("article", pile);
  if (!first) return;
  row.classList.remove("next");
  first.before(row);
  recount(pile);
}

export function bringNext() {
  if ($("#next article")) return fillTheNext();
  const row = $("#piles article");
  if (!row) return fill(null);
  const pile = row.closest(".pile");
  restore(row);
  row.classList.add("next");
  $("#next").append(row);
  shrink(pile);
  return fillTheNext();
}

function fillTheNext() {
  if ($(".copied")) return;
  fill($("#next .go"));
}

function shrink(pile) {
  const left = $$("article", pile).length;
  if (!left) {
    const folds = pile.closest(".folds");
    pile.remove();
    if (folds && !$(".pile", folds)) folds.remove();
    return;
  }
  const more = $(".more", pile);
  if (more) {
    const folded = $$("article", more).length;
    if (!folded) more.remove();
    else if (folded === left) more.open = true;
  }
  recount(pile);
}

function recount(pile) {
  const slot = $("[data-count]", pile);
  if (slot) slot.textContent = $$("article", pile).length;
  const more = $(".more summary b", pile);
  if (more && pile.id !== "ended") more.textContent = say("more", { n: $$(".more article", pile).length });
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
  $$("span [data-minutes], b[data-minutes]", list).forEach((slot) => { slot.textContent = minutes; });
  $$("[data-done]", list).forEach((slot) => { slot.textContent = total - left; });
  const bar = $("progress", list);
  if (bar) Object.assign(bar, { max: total || 1, value: total - left });
  $("#ended").hidden = !$("#ended [data-ended]");
  if (!left && Number(list.dataset.left) && !downSince() && !box.in("waiting", "clash").length) location.reload();
}
