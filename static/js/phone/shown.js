/* What is shown of the outbox: as rows that wait, and in the list as if it had been heard. */
import { drawAnswers } from "./answers.js";
import { endRow, needNetwork, openRow, putOff } from "./list.js";
import { downSince } from "./network.js";
import { box } from "./outbox.js";
import { $, body, clock, icon, say } from "./page.js";

export function draw() {
  const pending = box.in("waiting", "clash");
  if ($("#today")) {
    for (const entry of box.in("waiting", "sent", "clash").filter((each) => !each.to)) {
      if (entry.act === "undo") openRow(entry.task);
      else if (entry.act === "later") putOff(entry.task);
      else endRow(entry);
    }
    needNetwork(Boolean(downSince()));
  }
  drawAnswers();
  const waiting = pending.filter((entry) => entry.state === "waiting" && (entry.tries || downSince()));
  const stuck = waiting.some((entry) => entry.tries > 1);
  const clashes = pending.filter((entry) => entry.state === "clash");
  const chip = $("#waiting");
  if (chip) {
    chip.hidden = !(waiting.length + clashes.length) || !(downSince() || clashes.length || stuck);
    $("span", chip).textContent = clashes.length ? say("question", { n: clashes.length }) : say("waiting", { n: waiting.length });
  }
  const card = $("#outbox");
  if (!card) return;
  const listed = downSince() ? pending : clashes;
  card.hidden = !listed.length;
  $(".qh", card).hidden = !waiting.length;
  $("[data-rows]", card).replaceChildren(...listed.map(asRow));
}

function asRow(entry) {
  const row = $("#outbox-row").content.cloneNode(true).firstElementChild;
  row.dataset.key = entry.key;
  const which = entry.to ? "rowAnswers" : { done: entry.thing ? "rowDoneThing" : "rowDone", impossible: "rowImpossible", later: "rowLater", undo: "rowUndo" }[entry.act];
  $(".title", row).textContent = say(which, { name: entry.name });
  $("small", row).textContent = say("kept", { time: clock(entry.at) });
  if (entry.act === "undo" || (entry.to && entry.tries)) $("[data-do=forget]", row).hidden = true;
  if (entry.state === "clash") {
    row.classList.add("clash");
    icon($(".i .qx-icon", row), "alert-triangle");
    $("[data-do=forget]", row).hidden = true;
    $("small", row).textContent = "overrules" in body.dataset ? say("which", { sentence: entry.sentence }) : entry.sentence;
    $(".cf", row).hidden = false;
    $("[data-do=theirs]", row).textContent = say("theirs", { who: entry.who });
    $("[data-do=mine]", row).hidden = !("overrules" in body.dataset);
  }
  return row;
}
