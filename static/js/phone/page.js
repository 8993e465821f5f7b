/* What stands on the page: its parts, its words and drawings, whose phone it is. */

export const $ = (what, from = document) => from.querySelector(what);
export const $$ = (what, from = document) => [...from.querySelectorAll(what)];
export const body = document.body;
export const rendered = Date.parse(body.dataset.now);
const words = $("#words").dataset;
const two = (number) => String(number).padStart(2, "0");

export const clock = (at) => { const day = new Date(at); return `${two(day.getHours())}:${two(day.getMinutes())}`; };
export const say = (which, filling = {}) => Object.entries(filling).reduce((text, [slot, value]) => text.replaceAll(`{${slot}}`, value), words[which] || "");
/** For who listens: a region that was there before its words is read out, one that appears with them is not. */
export const aloud = (sentence) => { $("#aloud").textContent = sentence; };
export const hasTaskPage = () => Boolean($("#task"));

export function icon(drawing, name) {
  $("use", drawing).setAttribute("href", `${body.dataset.icons}#${name}`);
}

export function token() {
  const cookie = document.cookie.split("; ").find((pair) => pair.startsWith("csrftoken="));
  return cookie ? cookie.slice(10) : $("#undo input").value;
}
