/* Sends what waits in the outbox, in its order, by one page at a time. */
import { lost, reached } from "./network.js";
import { box, newKey } from "./outbox.js";
import { $, aloud, body, hasTaskPage, say, token } from "./page.js";
import { draw } from "./shown.js";
import { toast } from "./slip.js";

const PATIENCE = 6000, DOUBLED = 4; // of the first try; each further one is waited for twice as long, so that no line is too slow
const MOST_ILL = 2;
export const heard = { refusal: "", onward: "" }; // of the last answer: why it cannot be, and what comes next

/** Put an act into the outbox and try to send it. */
export function act(task, what, { name = "", reason = "", note = "", until = "", thing = false } = {}) {
  const unsent = box.in("waiting").findLast((entry) => entry.task === task && !entry.tries);
  if (what === "undo" && unsent && unsent.act !== "undo") {
    box.drop(unsent.key); // nobody heard of it yet
    draw();
    return Promise.resolve("dropped");
  }
  box.add({ key: newKey(), task, act: what, reason, note, until, name, thing, at: Date.now(), state: "waiting", tries: 0 });
  draw();
  return flush();
}

/** Who of the named answered, one tap each: it shows at once, and waits in the outbox like what is ticked. */
export function answer(form, { name, value }) {
  box.add({ key: newKey(), to: form.dataset.answers, said: { [name]: value }, name: form.dataset.name, at: Date.now(), state: "waiting", tries: 0 });
  draw();
  aloud($("[data-count]", form).textContent);
  return flush();
}

let sending = null, isTold = false;

/** Resolves when nothing more can be sent now; to `slow` where an answer did not come in time, to `ill` where the server stumbled. */
export function flush() {
  const alone = (work) => (navigator.locks ? navigator.locks.request(box.name, work) : work());
  sending = (sending || Promise.resolve()).then(() => alone(sendAll)).catch(() => {});
  return sending;
}

async function sendAll() {
  if (!navigator.onLine) { // not even tried, so it can be taken back as if it had not been
    if (box.in("waiting").length) lost();
    return draw();
  }
  let sent = 0, late = 0, stale = false, isSlow = false;
  const pages = new Set(); // that the worker keeps, and that read otherwise by now
  const ill = new Set(); // over which the server stumbles: the others do not wait behind them
  for (let entry; (entry = box.in("waiting").find((each) => !ill.has(each.to || each.task)));) {
    if (entry.tries) late += 1;
    box.change(entry.key, { tries: entry.tries + 1 });
    const answer = await send(entry);
    if (!answer || ill.size > MOST_ILL) break;
    if (answer.isSlow) {
      isSlow = true;
      break;
    }
    if (answer.isIll) {
      ill.add(entry.to || entry.task);
      continue;
    }
    if (answer.ok) {
      sent += 1;
      pages.add(entry.to ? "arrivals" : "today");
      box.change(entry.key, { state: "sent", answered: answer.said.at });
      heard.onward = answer.said.then || "";
      stale ||= entry.act === "undo" && Boolean($("#today")) && !$(`#today article[data-task="${entry.task}"]`); // its row is not on this page
    } else if (refused(entry, answer.said)) stale = true;
    draw();
  }
  draw();
  for (const page of pages) navigator.serviceWorker?.controller?.postMessage(page);
  if (late && sent && !hasTaskPage()) toast(say("sentLater", { n: sent }));
  if (stale) location.reload();
  return isSlow ? "slow" : ill.size ? "ill" : "";
}

/** The server's answer, or null where it cannot be reached now. */
async function send(entry) {
  const stop = new AbortController(), cut = () => stop.abort();
  let isSlow = false;
  const timer = setTimeout(() => { isSlow = true; cut(); }, PATIENCE * 2 ** Math.min(entry.tries, DOUBLED));
  addEventListener("offline", cut);
  try {
    const answer = await fetch(entry.to || body.dataset.ticks, { method: "POST", keepalive: true, signal: stop.signal, ...asSent(entry) });
    const said = (answer.headers.get("Content-Type") || "").includes("json") ? await answer.json() : null;
    if (answer.status >= 500) return { isIll: true };
    // The sign-in page answers 200, in JSON too: only who names this task, or this arrival, has heard of it.
    const hasHeard = entry.to ? entry.to.includes(said?.arrival) : said?.task === entry.task;
    if (answer.ok && !answer.redirected && !hasHeard) throw new Error("somebody else's answer, of a network that asks to be signed in to");
    reached();
    if (answer.redirected || !said) {
      if (!isTold) toast(say(answer.status === 404 ? "seatGone" : "signedOut"), null, { href: body.dataset.home, textContent: say("signIn") });
      isTold = true;
      return null;
    }
    return { ok: answer.ok, said };
  } catch {
    if (!isSlow || !hasTaskPage()) lost();
    return isSlow ? { isSlow } : null;
  } finally {
    clearTimeout(timer);
    removeEventListener("offline", cut);
  }
}

/** A tick, or who answered in somebody's welcome. */
function asSent(entry) {
  const headers = { Accept: "application/json", "X-CSRFToken": token() }, ago = secondsSince(entry.at);
  if (entry.to) return { headers, body: new URLSearchParams({ ...entry.said, ago }) };
  const { task, act: what, key, reason, note, until } = entry;
  return { headers: { ...headers, "Content-Type": "application/json" }, body: JSON.stringify({ task, act: what, key, reason, note, until, ago }) };
}

/** How long an act has waited here; said as a span, since a phone's clock may be wrong. */
function secondsSince(at) {
  return Math.max(0, Math.round((Date.now() - at) / 1000));
}

/** Somebody was first, or it cannot be: what the server holds is what holds, and people hear of it. Says whether the list shows it otherwise. */
function refused(entry, said) {
  const same = { done: "done", impossible: "impossible" }[entry.act] === said.state;
  if (said.code === "already_ended" && !same && entry.act !== "later") {
    box.keep(box.all().filter((other) => other.key === entry.key || other.task !== entry.task || other.state !== "waiting"));
    box.change(entry.key, { state: "clash", who: said.by, sentence: said.sentence });
    return false;
  }
  box.drop(entry.key);
  heard.refusal = said.sentence;
  const stale = Boolean($("#today")) && said.code !== "already_ended" && !entry.to;
  if (stale) sessionStorage.setItem("slip", JSON.stringify({ sentence: said.sentence }));
  else toast(said.sentence);
  return stale;
}
