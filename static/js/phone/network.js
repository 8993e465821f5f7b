/* Since when there is no network, and the slip that says so. */
import { $, clock, say } from "./page.js";

const total = $("#today")?.dataset.total; // also where one of them is shown in the place of the list
let since = null;

export const downSince = () => since;

export function lost() {
  since ||= Date.now();
  banner();
}

export function reached() {
  since = null;
  banner();
}

export function banner() {
  const bar = $("#offline");
  bar.hidden = !since;
  if (since) $("[data-said]", bar).textContent = say(total ? "since" : "sinceOnly", { time: clock(since), n: total });
}
