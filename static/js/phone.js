/* The assistant's phone. The pages work without this file; with it a text is one tap away, the next task comes by itself,
   and what is ticked in a lift waits in the outbox under its own id until there is a network: sent twice, it is one act. */
(() => {
  "use strict";

  const $ = (what, from = document) => from.querySelector(what);
  const $$ = (what, from = document) => [...from.querySelectorAll(what)];
  const two = (number) => String(number).padStart(2, "0");
  const clock = (at) => { const day = new Date(at); return `${two(day.getHours())}:${two(day.getMinutes())}`; };
  const PATIENCE = 6000;
  let body, words, rendered, downSince = null;

  const say = (which, filling = {}) => Object.entries(filling).reduce((text, [slot, value]) => text.replaceAll(`{${slot}}`, value), words[which] || "");
  const hasTaskPage = () => Boolean($("#task"));

  function newKey() {
    if (crypto.randomUUID) return crypto.randomUUID(); // only in a secure context
    const bytes = crypto.getRandomValues(new Uint8Array(16));
    bytes[6] = (bytes[6] & 15) | 64;
    bytes[8] = (bytes[8] & 63) | 128;
    const hex = [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");
    return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join("-");
  }

  // ---------------------------------------------------------------- outbox

  const box = {
    get name() { return `phone:${body.dataset.home}:${body.dataset.seat}`; },
    all() { try { return JSON.parse(localStorage.getItem(this.name)) || []; } catch { return []; } },
    keep(entries) { localStorage.setItem(this.name, JSON.stringify(entries)); },
    add(entry) { this.keep([...this.all(), entry]); },
    change(key, values) { this.keep(this.all().map((entry) => (entry.key === key ? { ...entry, ...values } : entry))); },
    drop(key) { this.keep(this.all().filter((entry) => entry.key !== key)); },
    in(...states) { return this.all().filter((entry) => states.includes(entry.state)); },
    // An answered act is remembered until the page that we show was made after it.
    tidy() { this.keep(this.all().filter((entry) => entry.state !== "sent" || Date.parse(entry.answered) >= rendered)); },
  };

  /** Put an act into the outbox and try to send it. */
  function act(task, what, { name = "", reason = "", note = "", until = "", thing = false } = {}) {
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

  let sending = null;
  function flush() {
    const alone = (work) => (navigator.locks ? navigator.locks.request(box.name, work) : work());
    sending = (sending || Promise.resolve()).then(() => alone(sendAll)).catch(() => {});
    return sending;
  }

  async function sendAll() {
    if (!navigator.onLine) { // not even tried, so it can be taken back as if it had not been
      if (box.in("waiting").length) lost();
      return draw();
    }
    let sent = 0, late = 0, undone = false;
    for (let entry; (entry = box.in("waiting")[0]);) {
      if (entry.tries) late += 1;
      box.change(entry.key, { tries: entry.tries + 1 });
      const answer = await send(entry);
      if (!answer) break;
      if (answer.ok) {
        sent += 1;
        box.change(entry.key, { state: "sent", answered: answer.said.at });
        onward = answer.said.then || "";
        undone ||= entry.act === "undo" && Boolean($("#today")) && !$(`#today article[data-task="${entry.task}"]`);
      } else refused(entry, answer.said);
      draw();
    }
    draw();
    if (sent && navigator.serviceWorker?.controller) navigator.serviceWorker.controller.postMessage("today");
    if (late && sent && !hasTaskPage()) toast(say("sentLater", { n: sent }));
    if (undone) location.reload(); // its row is not on this page
  }

  /** The server's answer, or null where it cannot be reached now. */
  async function send(entry) {
    const stop = new AbortController();
    const timer = setTimeout(() => stop.abort(), PATIENCE);
    try {
      const answer = await fetch(body.dataset.ticks, {
        method: "POST",
        keepalive: true,
        signal: stop.signal,
        headers: { "Content-Type": "application/json", Accept: "application/json", "X-CSRFToken": token() },
        body: JSON.stringify({ task: entry.task, act: entry.act, key: entry.key, reason: entry.reason, note: entry.note, until: entry.until, ago: secondsSince(entry.at) }),
      });
      const said = (answer.headers.get("Content-Type") || "").includes("json") ? await answer.json() : null;
      reached();
      if (!said || answer.status >= 500) {
        if (answer.redirected || answer.status === 403) toast(say("signedOut"));
        return null;
      }
      return { ok: answer.ok, said };
    } catch {
      lost();
      return null;
    } finally {
      clearTimeout(timer);
    }
  }

  /** How long an act has waited here; said as a span, since a phone's clock may be wrong. */
  function secondsSince(at) {
    return Math.max(0, Math.round((Date.now() - at) / 1000));
  }

  function token() {
    const cookie = document.cookie.split("; ").find((pair) => pair.startsWith("csrftoken="));
    return cookie ? cookie.slice(10) : $("#csrf input").value;
  }

  /** Somebody was first, or it cannot be: what the server holds is what holds, and people hear of it. */
  function refused(entry, said) {
    const same = { done: "done", impossible: "impossible" }[entry.act] === said.state;
    if (said.code === "already_ended" && !same && entry.act !== "later") {
      box.keep(box.all().filter((other) => other.key === entry.key || other.task !== entry.task || other.state !== "waiting"));
      box.change(entry.key, { state: "clash", who: said.by, sentence: said.sentence });
      return;
    }
    box.drop(entry.key);
    toast(said.sentence);
    if (!hasTaskPage() && said.code !== "already_ended") takeOut(entry.task);
    carried = said.sentence;
  }

  // ---------------------------------------------------------------- network

  function lost() {
    downSince ||= Date.now();
    banner();
  }

  function reached() {
    downSince = null;
    banner();
  }

  function banner() {
    const bar = $("#offline");
    bar.hidden = !downSince;
    const list = $("#today");
    if (downSince) $("[data-said]", bar).textContent = say("since", { time: clock(downSince), n: list ? list.dataset.total : "" }).replace(/\s+/g, " ");
  }

  // ---------------------------------------------------------------- copying

  async function copy(button) {
    const holder = button.closest("[data-task]");
    const text = $(".text", holder).textContent;
    let byHand = false;
    try {
      await navigator.clipboard.writeText(text);
    } catch {
      byHand = !copyTheOldWay(text);
    }
    const head = say(byHand ? "byHand" : "copied", { name: holder.dataset.to });
    fill(null);
    if (button.classList.contains("copy")) {
      button.classList.add("done_");
      $("[data-slot=head]", button).textContent = head;
      icon($(".cl .qx-icon", button), "check");
      if (byHand) selected(text, (field) => button.after(field));
      fill($("[data-sent]"));
      return;
    }
    $$(".copied").forEach((other) => other !== holder && restore(other));
    if (!$(".after", holder)) holder.append(afterCopy(holder));
    holder.classList.add("copied");
    $(".said span", holder).textContent = head;
    icon($(".go .qx-icon", holder), "check");
    if (byHand) selected(text, (field) => $(".said", holder).after(field));
    fill($("[data-do=sent]", holder));
    $("[data-do=sent]", holder).scrollIntoView({ block: "nearest" });
    if (!byHand) handOn();
  }

  /** What comes after the copy in a row of the list: into the chat, and sent. */
  function afterCopy(row) {
    const after = $("#after-copy").content.cloneNode(true);
    leadToChat($("[data-chat]", after), row.dataset.chat);
    if ("photo" in row.dataset) $("[data-slot=sent]", after).textContent = say("photo");
    return after;
  }

  function leadToChat(link, chat) {
    if (chat) link.href = chat;
    else link.remove();
  }

  function copyTheOldWay(text) {
    const field = document.createElement("textarea");
    field.value = text;
    field.readOnly = true;
    field.className = "byhand";
    document.body.append(field);
    field.select();
    let copied = false;
    try { copied = document.execCommand("copy"); } catch { /* by hand then */ }
    field.remove();
    return copied;
  }

  function selected(text, put) {
    const field = document.createElement("textarea");
    field.value = text;
    field.readOnly = true;
    field.className = "byhand";
    put(field);
    field.focus();
    field.select();
  }

  /** One filled button at a time, and it is the next thing to do. */
  function fill(button) {
    $$(".filled").forEach((other) => !other.closest("dialog") && other.classList.remove("filled"));
    if (button) button.classList.add("filled");
  }

  /** Whoever uses keys is not dropped: where what they pressed is gone, the focus goes on to the next thing to do. */
  function handOn(to = $(".filled")) {
    requestAnimationFrame(() => requestAnimationFrame(() => {
      const on = document.activeElement;
      if (on && on !== body && on.checkVisibility()) return;
      (to?.isConnected ? to : $(".filled") || $("#today a, #task a"))?.focus({ preventScroll: true });
    }));
  }

  function restore(row) {
    row.classList.remove("copied");
    $$(".after", row).forEach((after) => after.remove());
    const drawing = $(".go .qx-icon", row);
    if (drawing) icon(drawing, "copy");
  }

  function icon(drawing, name) {
    $("use", drawing).setAttribute("href", `${body.dataset.icons}#${name}`);
  }

  // ---------------------------------------------------------------- the list

  const kept = new Map(); // rows that were ticked here, to be put back

  function takeOut(task) {
    const row = $(`#today article[data-task="${task}"]`);
    if (!row) return null;
    restore(row);
    kept.set(task, row);
    const pile = row.closest(".pile");
    row.remove();
    if (pile) shrink(pile);
    bringNext();
    count();
    return row;
  }

  function endRow(entry) {
    const row = takeOut(entry.task);
    const shown = $(`[data-ended="${entry.task}"]`);
    if (!row || shown) return;
    const ended = $("#ended-row").content.cloneNode(true).firstElementChild;
    ended.dataset.ended = entry.task;
    ended.dataset.minutes = row.dataset.minutes;
    ended.dataset.name = row.dataset.name;
    if ("thing" in row.dataset) ended.dataset.thing = "";
    $("[name=task]", ended).value = entry.task;
    $(".title", ended).innerHTML = $(".title", row).innerHTML;
    $(".t", ended).href = $(".t", row).href;
    $("small", ended).textContent = say(entry.act !== "done" ? "endedImpossible" : entry.thing ? "endedDoneThing" : "endedDone", { time: clock(entry.at) });
    $("button", ended).setAttribute("aria-label", `${say("undo")}: ${row.dataset.name}`);
    if (entry.act !== "done") icon($(".i .qx-icon", ended), "ban");
    $("#ended .pcard").prepend(ended);
    $("#ended").hidden = false;
    count();
  }

  /** It is gone from this page, and comes back in its place with the next one. */
  function putOff(task) {
    takeOut(task)?.setAttribute("data-put-off", "");
    count();
  }

  function openRow(task) {
    const shown = $(`[data-ended="${task}"]`);
    if (shown) shown.remove();
    const row = kept.get(task);
    row?.removeAttribute("data-put-off");
    if (row && !row.isConnected) {
      const pile = $(`#piles .pile[data-group="${row.dataset.group}"]`);
      const first = $("#next article");
      row.classList.remove("next");
      if (!first || !pile) {
        if (first) putBack(first);
        $("#next").prepend(row);
        row.classList.add("next");
      } else (($(".pcard", pile) || pile).querySelector("article") || {}).before?.(row);
      if (pile) recount(pile);
      kept.delete(task);
      fillTheNext();
    }
    count();
  }

  /** A row that was the next one goes back to the top of its chat. */
  function putBack(row) {
    const pile = $(`#piles .pile[data-group="${row.dataset.group}"]`);
    const first = pile && $("article", pile);
    if (!first) return;
    row.classList.remove("next");
    first.before(row);
    recount(pile);
  }

  function bringNext() {
    if ($("#next article")) return fillTheNext();
    const row = $("#piles article");
    if (!row) return fill(null);
    const pile = row.closest(".pile");
    restore(row);
    row.classList.add("next");
    $("#next").append(row);
    shrink(pile);
    return fillTheNext();
  }

  function fillTheNext() {
    if ($(".copied")) return;
    fill($("#next .go"));
  }

  function shrink(pile) {
    const left = $$("article", pile).length;
    if (!left) {
      const folds = pile.closest(".folds");
      pile.remove();
      if (folds && !$(".pile", folds)) folds.remove();
      return;
    }
    const more = $(".more", pile);
    if (more) {
      const folded = $$("article", more).length;
      if (!folded) more.remove();
      else if (folded === left) more.open = true;
    }
    recount(pile);
  }

  function recount(pile) {
    const slot = $("[data-count]", pile);
    if (slot) slot.textContent = $$("article", pile).length;
    const more = $(".more summary b", pile);
    if (more && pile.id !== "ended") more.textContent = say("more", { n: $$(".more article", pile).length });
  }

  function count() {
    const list = $("#today");
    if (!list) return;
    const total = Number(list.dataset.total) - [...kept.values()].filter((row) => !row.isConnected && "putOff" in row.dataset).length;
    const gone = [...kept.values()].filter((row) => !row.isConnected);
    const reopened = rows.ended.filter((task) => !$(`[data-ended="${task}"]`)).length;
    const left = Number(list.dataset.left) - gone.length + reopened;
    const minutes = Number(list.dataset.minutes) - gone.reduce((sum, row) => sum + Number(row.dataset.minutes), 0);
    $$("[data-left]", $(".top")).forEach((slot) => { slot.textContent = left; });
    $$("span [data-minutes], b[data-minutes]", list).forEach((slot) => { slot.textContent = minutes; });
    $$("[data-done]", list).forEach((slot) => { slot.textContent = total - left; });
    const bar = $("progress", list);
    if (bar) Object.assign(bar, { max: total || 1, value: total - left });
    $("#ended").hidden = !$("#ended [data-ended]");
    if (!left && Number(list.dataset.left) && !downSince && !box.in("waiting", "clash").length) location.reload();
  }

  const rows = { ended: [] };

  // ---------------------------------------------------------------- what is shown of the outbox

  function draw() {
    const pending = box.in("waiting", "clash");
    if ($("#today")) {
      for (const entry of box.in("waiting", "sent", "clash")) {
        if (entry.act === "undo") openRow(entry.task);
        else if (entry.act === "later") putOff(entry.task);
        else endRow(entry);
      }
    }
    const waiting = pending.filter((entry) => entry.state === "waiting" && (entry.tries || downSince));
    const clashes = pending.filter((entry) => entry.state === "clash");
    const chip = $("#waiting");
    if (chip) {
      chip.hidden = !(waiting.length + clashes.length) || !(downSince || clashes.length);
      $("span", chip).textContent = clashes.length ? say("question", { n: clashes.length }) : say("waiting", { n: waiting.length });
    }
    const card = $("#outbox");
    if (!card) return;
    const listed = downSince ? pending : clashes;
    card.hidden = !listed.length;
    $(".qh", card).hidden = !waiting.length;
    $("[data-rows]", card).replaceChildren(...listed.map(asRow));
  }

  function asRow(entry) {
    const row = $("#outbox-row").content.cloneNode(true).firstElementChild;
    row.dataset.key = entry.key;
    const which = { done: entry.thing ? "rowDoneThing" : "rowDone", impossible: "rowImpossible", later: "rowLater", undo: "rowUndo" }[entry.act];
    $(".title", row).textContent = say(which, { name: entry.name });
    $("small", row).textContent = say("kept", { time: clock(entry.at) });
    if (entry.act === "undo") $("[data-do=forget]", row).hidden = true;
    if (entry.state === "clash") {
      row.classList.add("clash");
      icon($(".i .qx-icon", row), "alert-triangle");
      $("[data-do=forget]", row).hidden = true;
      $("small", row).textContent = "overrules" in body.dataset ? say("which", { sentence: entry.sentence }) : entry.sentence;
      $(".cf", row).hidden = false;
      $("[data-do=theirs]", row).textContent = say("theirs", { who: entry.who });
      $("[data-do=mine]", row).hidden = !("overrules" in body.dataset);
    }
    return row;
  }

  // ---------------------------------------------------------------- the slip

  let slipTimer = null, carried = "", onward = "";
  function toast(sentence, undo = null) {
    const slip = $("#toast");
    slip.replaceChildren();
    const text = document.createElement("span");
    text.dataset.said = "";
    text.textContent = sentence;
    slip.append(text);
    if (undo) {
      const button = document.createElement("button");
      button.type = "button";
      button.textContent = say("undo");
      button.dataset.do = "take-back";
      Object.assign(button.dataset, { task: undo.task, name: undo.name });
      slip.append(button);
    }
    slip.hidden = false;
    hideLater();
  }

  function hideLater() {
    const slip = $("#toast");
    clearTimeout(slipTimer);
    slipTimer = setTimeout(() => (slip.matches(":hover, :focus-within") ? hideLater() : (slip.hidden = true)), 10000);
  }

  // ---------------------------------------------------------------- acts

  async function end(holder, what, more = {}) {
    const { task, name } = holder.dataset, thing = "thing" in holder.dataset;
    if (what === "done" && "photo" in holder.dataset) return location.assign(`${body.dataset.home}tasks/${task}/`);
    const sentence = say(thing && what === "done" ? "doneThing" : what, { name });
    if ($("#today")) {
      act(task, what, { name, thing, ...more });
      toast(sentence, { task, name });
      handOn();
      return;
    }
    // The next one comes by itself, whether the server has answered by then or not.
    carried = onward = "";
    await Promise.race([act(task, what, { name, thing, ...more }), new Promise((go) => setTimeout(go, 2000))]);
    sessionStorage.setItem("slip", JSON.stringify(carried ? { sentence: carried } : { sentence, undo: { task, name } }));
    const clashed = box.in("clash").some((entry) => entry.task === task);
    location.assign(clashed ? body.dataset.home : onward || holder.dataset.next || body.dataset.home); // a newcomer's next step first
  }

  async function takeBack(task, name) {
    $("#toast").hidden = true;
    await Promise.race([act(task, "undo", { name }), new Promise((go) => setTimeout(go, 2000))]);
    if ($("#today")) {
      openRow(task);
      if ($("#toast").hidden) toast(say("reopened", { name }));
      handOn($(`#today article[data-task="${task}"] .go`));
    } else if (carried) toast(carried);
    else location.assign(`${body.dataset.home}tasks/${task}/`);
  }

  function settle(button) {
    const entry = box.all().find((each) => each.key === button.closest("[data-key]").dataset.key);
    if (!entry) return;
    box.drop(entry.key);
    if (button.dataset.do === "mine") {
      box.add({ ...entry, key: newKey(), act: "undo", state: "waiting", tries: 0, at: Date.now() });
      box.add({ ...entry, key: newKey(), state: "waiting", tries: 0, at: Date.now() });
    }
    draw();
    flush().then(() => location.reload());
  }

  async function leave(form, sure) {
    await flush();
    const unsent = box.in("waiting");
    if (unsent.length && !sure) {
      $("#leave-title").textContent = say("unsaved", { n: unsent.length });
      $("#leave").showModal();
      return;
    }
    // Today's list, the outbox and the worker belong to this seat.
    for (const name of Object.keys(localStorage)) if (name.startsWith(`phone:${body.dataset.home}:`)) localStorage.removeItem(name);
    sessionStorage.clear();
    if ("caches" in window) for (const name of await caches.keys()) if (name.startsWith(`phone:${body.dataset.home}:`)) await caches.delete(name);
    const worker = await navigator.serviceWorker?.getRegistration(body.dataset.home);
    if (worker) await worker.unregister();
    form.submit();
  }

  function onClick(event) {
    const button = event.target.closest("[data-do]");
    if (!button) return;
    const doing = {
      copy: () => copy(button),
      sent: () => end(button.closest("[data-task]"), "done"),
      cannot: () => $("#cannot").showModal(),
      later: () => $("#later").showModal(),
      word: () => $("#word").showModal(),
      share: () => share(button),
      close: () => button.closest("dialog").close(),
      "take-back": () => takeBack(button.dataset.task, button.dataset.name),
      forget: () => { const { task, name } = box.all().find((each) => each.key === button.closest("[data-key]").dataset.key); takeBack(task, name); },
      theirs: () => settle(button),
      mine: () => settle(button),
      leave: () => leave($("[data-leave]"), true),
      theme: () => dressAs(button),
    }[button.dataset.do];
    if (button.tagName === "A") event.preventDefault();
    doing();
  }

  function onSubmit(event) {
    const form = event.target;
    if (form.matches("[data-leave]")) {
      event.preventDefault();
      leave(form, false);
    } else if (form.matches("[data-tick]")) {
      event.preventDefault();
      const sent = new FormData(form, event.submitter);
      const holder = form.closest("[data-task], [data-ended]");
      const task = sent.get("task"), what = sent.get("act");
      $$("dialog[open]").forEach((dialog) => dialog.close());
      if (what === "undo") takeBack(task, holder?.dataset.name || "");
      else end(holder, what, { reason: sent.get("reason") || "", note: sent.get("note") || "", until: sent.get("until") || "" });
    }
  }

  // ---------------------------------------------------------------- pictures

  /** Into the chat app by the phone's own menu; where it has none, into its downloads. */
  async function share(link) {
    try {
      const answer = await fetch(link.href);
      const picture = await answer.blob();
      const shared = { files: [new File([picture], link.dataset.name, { type: picture.type })] };
      if (answer.ok && navigator.canShare?.(shared)) return await navigator.share(shared);
    } catch (error) {
      if (error.name === "AbortError") return; // they thought better of it
    }
    const saved = document.createElement("a");
    Object.assign(saved, { href: link.href, download: link.dataset.name });
    saved.click();
  }

  /** A photo as proof goes at once: the outbox holds words alone. */
  async function prove(form) {
    const [field, holder] = [$("[type=file]", form), form.closest("[data-task]")];
    const label = $(".pick span", form), words_ = label.textContent;
    if (!field.files.length || form.getAttribute("aria-busy")) return;
    form.setAttribute("aria-busy", "true");
    label.textContent = say("photoSending");
    const sent = new FormData(form);
    sent.delete("act");
    let sentence = say("photoOffline"), kept = false;
    try {
      const answer = await fetch(form.action, { method: "POST", headers: { Accept: "application/json", "X-CSRFToken": token() }, body: sent });
      kept = answer.ok;
      sentence = (answer.headers.get("Content-Type") || "").includes("json") ? (await answer.json()).sentence : say("signedOut");
    } catch { /* no network */ }
    form.removeAttribute("aria-busy");
    label.textContent = words_;
    field.value = "";
    $$("dialog[open]").forEach((dialog) => dialog.close());
    if (kept && form.dataset.proof === "done") return end(holder, "done");
    if (!kept) return toast(sentence);
    sessionStorage.setItem("slip", JSON.stringify({ sentence }));
    location.reload();
  }

  function dressAs(button) {
    document.cookie = `theme=${button.value}; path=/; max-age=31536000; samesite=lax${location.protocol === "https:" ? "; secure" : ""}`;
    const dark = button.value === "dark" || (button.value === "system" && matchMedia("(prefers-color-scheme: dark)").matches);
    Object.assign(document.documentElement.dataset, { theme: button.value, bsTheme: dark ? "dark" : "light" });
    $$("#theme button").forEach((other) => other.setAttribute("aria-pressed", other === button));
  }

  // ---------------------------------------------------------------- without a network: one task out of the list

  function showTask(task) {
    const row = $(`#today article[data-task="${task}"]`);
    if (!row) return;
    const all = $$("#today article");
    const next = all[(all.indexOf(row) + 1) % all.length];
    const view = $("#task-view").content.cloneNode(true);
    const slot = (name) => $(`[data-slot=${name}]`, view);
    const page = $("#task", view);
    Object.assign(page.dataset, { task, name: row.dataset.name, to: row.dataset.to, next: next === row ? "" : $(".t", next).getAttribute("href") });
    slot("title").innerHTML = $(".title", row).innerHTML;
    slot("line").textContent = $("small", row).textContent;
    slot("group").textContent = $(".gp", row).textContent;
    slot("minutes").textContent = $(".k span:last-child", row).textContent;
    slot("text").textContent = $(".text", row).textContent;
    $$("[name=task]", view).forEach((field) => { field.value = task; });
    $("[data-skip]", view).href = page.dataset.next || body.dataset.home;
    leadToChat($("[data-chat]", view), row.dataset.chat);
    if ("thing" in row.dataset) page.dataset.thing = "";
    if (!slot("text").textContent) $(".copy", view).remove();
    if ("photo" in row.dataset) {
      $$("[data-ends], #word form[data-tick]", view).forEach((form) => form.remove());
      $("[data-needs-photo]", view).hidden = false;
    }
    $$("header.top, #today, .tabbar").forEach((part) => part.remove());
    body.classList.replace("today", "one");
    $("#offline").after(view);
    fill($(".copy"));
  }

  // ---------------------------------------------------------------- begin

  document.addEventListener("DOMContentLoaded", () => {
    body = document.body;
    words = $("#words").dataset;
    rendered = Date.parse(body.dataset.now);
    rows.ended = $$("[data-ended]").map((row) => row.dataset.ended);
    if (!navigator.onLine) downSince = Date.now();
    box.tidy();
    draw();
    banner();
    bringNext();
    const asked = location.pathname.match(/\/tasks\/([0-9a-f-]{36})\/$/);
    if (asked && $("#today")) {
      showTask(asked[1]);
      if (!hasTaskPage()) history.replaceState(null, "", body.dataset.home);
      draw();
    } else if (hasTaskPage()) fill($("#task .copy") || $("#task .foot .filled") || $("#task [data-sent]") || $("#task .foot a"));
    const slip = sessionStorage.getItem("slip");
    sessionStorage.removeItem("slip");
    if (slip) { const { sentence, undo } = JSON.parse(slip); toast(sentence, undo); } else if (!$("#toast").hidden) hideLater();
    document.addEventListener("click", onClick);
    document.addEventListener("submit", onSubmit);
    document.addEventListener("change", (event) => { if (event.target.matches("[data-proof] [type=file]")) prove(event.target.form); });
    addEventListener("online", () => { reached(); draw(); flush(); });
    addEventListener("offline", () => { lost(); draw(); });
    document.addEventListener("visibilitychange", () => { if (!document.hidden && box.in("waiting").length) flush(); });
    setInterval(() => { if (box.in("waiting").length && navigator.onLine) flush(); }, 15000);
    if (box.in("waiting").length) flush();
    navigator.serviceWorker?.register(body.dataset.worker, { scope: body.dataset.home }).catch(() => {});
  });
})();
