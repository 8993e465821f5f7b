// The week calendar: a slot goes to another day by dragging, or by Shift and an arrow; a small form then asks how it is meant.
(function () {
  "use strict";

  const DAY = 864e5;
  let dragged = null;
  const dayOf = (cell) => cell?.dataset.day;
  const cellOf = (element) => element?.closest?.("td[data-day]");
  const row = (cell) => cell?.closest("tr");

  function ask(slot, day) {
    const address = (slot.dataset.moves || slot.href) + (day ? `?day=${day}` : "");
    htmx.ajax("GET", address, { source: slot, target: "#moving-body", swap: "innerHTML" }).then(() => {
      if (document.querySelector("#moving-body form")) qx.open(document.getElementById("moving"));
    });
  }

  // Dragging: within the row of its group

  const fits = (event) => dragged && cellOf(event.target) && row(cellOf(event.target)) === row(dragged) && cellOf(event.target) !== cellOf(dragged);

  document.addEventListener("dragstart", (event) => {
    dragged = event.target.closest?.("[data-moves]") || null;
    if (!dragged) return;
    event.dataTransfer.effectAllowed = "move";
    event.dataTransfer.setData("text/plain", dragged.textContent.trim());
    row(dragged).classList.add("moving");
  });
  document.addEventListener("dragover", (event) => {
    document.querySelectorAll(".qx-week td.over").forEach((cell) => cell.classList.remove("over"));
    if (!fits(event)) return;
    event.preventDefault();
    cellOf(event.target).classList.add("over");
  });
  document.addEventListener("drop", (event) => {
    if (!fits(event)) return;
    event.preventDefault();
    ask(dragged, dayOf(cellOf(event.target)));
  });
  document.addEventListener("dragend", () => {
    document.querySelectorAll(".qx-week .over, .qx-week .moving").forEach((element) => element.classList.remove("over", "moving"));
    dragged = null;
  });

  // Keys: Shift and an arrow move it by a day, arrows alone go from slot to slot

  document.addEventListener("keydown", (event) => {
    const slot = event.target.closest?.(".qx-week .qx-slot");
    if (!slot || event.ctrlKey || event.altKey || event.metaKey || !event.key.startsWith("Arrow")) return;
    const by = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (event.shiftKey) {
      if (!by || !slot.dataset.moves) return;
      event.preventDefault();
      ask(slot, new Date(Date.parse(dayOf(cellOf(slot))) + by * DAY).toISOString().slice(0, 10));
      return;
    }
    const next = by ? beside(slot, by) : below(slot, event.key === "ArrowDown" ? 1 : -1);
    if (!next) return;
    event.preventDefault();
    next.focus();
  });

  const slots = (within) => [...(within?.querySelectorAll(".qx-slot") || [])];

  function beside(slot, by) {
    const all = slots(row(slot));
    return all[all.indexOf(slot) + by];
  }

  function below(slot, by) {
    const all = slots(cellOf(slot)), here = all[all.indexOf(slot) + by];
    if (here) return here;
    const column = cellOf(slot).cellIndex;
    let line = row(slot);
    while ((line = by > 0 ? line.nextElementSibling : line.previousElementSibling)) {
      const found = slots(line.cells[column]);
      if (found.length) return found[by > 0 ? 0 : found.length - 1];
    }
    return null;
  }

  // What was moved just now has the focus again, so that the keys go on from there

  const moved = new URLSearchParams(location.search).get("moved");
  if (moved) [...document.querySelectorAll("[data-moves]")].find((slot) => slot.dataset.moves.includes(moved))?.focus();

  // At its side: the same small form; a variable goes where the cursor is in the text

  document.addEventListener("click", (event) => {
    const way = event.target.closest("[data-asks-move]");
    if (way) {
      event.preventDefault();
      ask(way);
    }
    const button = event.target.closest("[data-variable]");
    const field = button && document.querySelector(button.dataset.into);
    if (!field) return;
    field.setRangeText(button.dataset.variable, field.selectionStart, field.selectionEnd, "end");
    field.dispatchEvent(new Event("input", { bubbles: true }));
    field.focus();
  });
})();
