/* Among hundreds of tasks one is found by a name, as it is written or said, a city or a chat; it works on what is on the phone. */
import { recount } from "./list.js";
import { $, $$, say } from "./page.js";

const opened = new Set();

export function offerToFind() {
  const search = $("#find");
  if (!search) return;
  search.hidden = false;
  $("input", search).addEventListener("input", (event) => find(event.target.value.trim().toLowerCase()));
}

function find(words) {
  let found = 0;
  $("#next").hidden = Boolean(words);
  for (const row of $$("#today article")) {
    row.hidden = Boolean(words) && !isWritten(row, words) && !isSaid(row.dataset.said, words.replaceAll(" ", ""));
    found += !row.hidden;
  }
  for (const pile of $$("#piles .pile")) {
    recount(pile);
    const isHit = Boolean(words) && $$("article", pile).some((row) => !row.hidden);
    if (words && !isHit) pile.hidden = true;
    for (const fold of [pile, ...$$(".more", pile)].filter((each) => each.tagName === "DETAILS")) unfold(fold, isHit);
  }
  for (const folds of $$(".folds")) folds.hidden = $$(".pile", folds).every((pile) => pile.hidden);
  if (words) for (const row of $$("#next article")) $("#next").hidden = row.hidden;
  $("[role=status]", $("#find")).textContent = words ? say("found", { n: found }) : "";
}

const isWritten = (row, words) => `${row.dataset.name} ${row.dataset.where} ${$("small", row).textContent}`.toLowerCase().includes(words);

/** By initials, or by pinyin from any syllable on: of «lin mu» lm, linm and mu. */
function isSaid(said, letters) {
  if (!said) return false;
  const syllables = said.split(" ");
  return syllables.map((each) => each[0]).join("").includes(letters) || syllables.some((_, at) => syllables.slice(at).join("").startsWith(letters));
}

function unfold(fold, isHit) {
  if (isHit && !fold.open) opened.add(fold);
  else if (!isHit && !opened.delete(fold)) return;
  fold.open = isHit;
}
