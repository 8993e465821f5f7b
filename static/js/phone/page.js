/* What stands on the page: its parts, its words and drawings, whose phone it is. */

export const $ = (what, from = document) => from.querySelector(what);
export const $$ = (what, from = document) => [...from.querySelectorAll(what)];
export const body = document.body;
export const rendered = Date.parse(body.dataset.now);
const words = $("#words").dataset;
/** The hour of the community, as everywhere; of this phone, where it does not know that zone. */
const hours = [{ timeZone: body.dataset.zone }, {}].map((zone) => {
  try { return new Intl.DateTimeFormat("en-GB", { hour: "2-digit", minute: "2-digit", hourCycle: "h23", ...zone }); } catch { return null; }
}).find(Boolean);

export const clock = (at) => hours.format(at);
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
