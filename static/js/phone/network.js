/* Since when there is no network, and the slip that says so. */
import { $, clock, say } from "./page.js";

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
  const list = $("#today");
  if (since) $("[data-said]", bar).textContent = say("since", { time: clock(since), n: list ? list.dataset.total : "" }).replace(/\s+/g, " ");
}
