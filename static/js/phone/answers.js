/* Who of the named answered, as the page was told and as it waits in the outbox. */
import { box } from "./outbox.js";
import { $, $$, icon, say } from "./page.js";

const asked = $$("[data-answers]").map((form) => ({ form, named: $$("[value]:not([type=hidden], [name=all])", form), heard: saidBy(form) }));

/** {member: whether they answered}, of those of whom something is said. */
function saidBy(form) {
  return Object.fromEntries($$("[data-said]", form).map((button) => [button.value, button.name === "silent"]));
}

/** What the page was told, and over it what waits here, in its order. */
export function drawAnswers() {
  for (const { form, named, heard } of asked) {
    const answered = { ...heard };
    for (const { to, said } of box.in("waiting", "sent")) {
      if (to !== form.dataset.answers) continue;
      for (const { value } of named) answered[value] = isSo(said, value, answered[value]);
    }
    show(form, named, answered);
  }
}

/** Of whom nothing was said while something was said of another, they are silent. */
const isSo = (said, member, before) => (said.all ? said.all === "yes" : said.answered === member || (said.silent !== member && Boolean(before)));

function show(form, named, answered) {
  const isSaid = Object.keys(answered).length > 0, many = Object.values(answered).filter(Boolean).length;
  for (const button of named) {
    const has = Boolean(answered[button.value]);
    button.name = has ? "silent" : "answered";
    button.setAttribute("aria-pressed", has);
    button.classList.toggle("on", has);
    button.toggleAttribute("data-said", isSaid);
    icon($(".qx-icon", button), has ? "check" : "minus");
  }
  $$("[name=all]", form).forEach((button) => { button.hidden = isSaid; });
  const count = $("[data-count]", form);
  count.hidden = !isSaid;
  count.textContent = say("answered", { n: many, named: named.length });
}
