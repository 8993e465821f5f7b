/* Without a network: the page of one task out of today's list. */
import { leadToChat, whom } from "./copying.js";
import { fill } from "./focus.js";
import { $, $$, body, say } from "./page.js";

export function showTask(task) {
  const row = $(`#today article[data-task="${task}"]`);
  if (!row || row.matches(".barred")) return;
  const all = $$("#today article").filter((each) => !each.matches(".barred") || each.dataset.after === task);
  const next = all[(all.indexOf(row) + 1) % all.length];
  const view = $("#task-view").content.cloneNode(true);
  const slot = (name) => $(`[data-slot=${name}]`, view);
  const page = $("#task", view);
  Object.assign(page.dataset, { task, name: row.dataset.name, to: whom(row), next: next === row ? "" : $(".t", next).getAttribute("href") });
  slot("title").innerHTML = $(".title", row).innerHTML;
  slot("line").textContent = $("small", row).textContent;
  slot("group").textContent = row.dataset.where;
  slot("minutes").textContent = row.dataset.takes;
  slot("text").textContent = $(".text", row).textContent;
  if (row.dataset.picture) {
    const figure = slot("picture"), link = $("a", figure);
    figure.hidden = false;
    $("img", figure).src = link.href = row.dataset.picture;
    link.dataset.name = link.download = "picture.jpg";
  }
  $$("[name=task]", view).forEach((field) => { field.value = task; });
  $("[data-skip]", view).href = page.dataset.next || body.dataset.home;
  leadToChat($("[data-chat]", view), row.dataset.chat);
  if ("thing" in row.dataset) {
    page.dataset.thing = "";
    $$("[name=reason]:not([value=other])", view).forEach((button) => button.remove());
  }
  if (!slot("text").textContent) {
    $(".copy", view).remove();
    slot("sent").textContent = say("itIsDone");
  }
  if ("photo" in row.dataset) {
    $$("[data-ends], #word form[data-tick]", view).forEach((form) => form.remove());
    $("[data-needs-photo]", view).hidden = false;
  }
  $$("header.top, #today, .tabbar").forEach((part) => part.remove());
  body.classList.replace("today", "one");
  $("#offline").after(view);
  fill($(".copy"));
}
