/* What was typed for a task stays when its page comes anew: the length of a chain, a word on how it went. */
import { $$ } from "./page.js";

export function keepTyped() {
  for (const field of $$("[data-tick] [name=note]")) {
    const name = `typed:${field.form.elements.task.value}:${field.closest("[id]").id}`;
    field.value ||= sessionStorage.getItem(name) || "";
    field.addEventListener("input", () => sessionStorage.setItem(name, field.value));
  }
}
