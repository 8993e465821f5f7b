// What the keyboard does on every page of a seat: the palette, jumps, the keys of a page, and the help that lists them.
(function () {
  "use strict";

  const all = (what, within = document) => [...within.querySelectorAll(what)];
  const palette = document.getElementById("palette");
  const field = palette.querySelector("input");
  const answer = document.getElementById("palette-answer");
  const help = document.getElementById("key-help");

  // The palette

  let timer, asked = null, answered = null, going = null;

  function ask() {
    clearTimeout(timer);
    asked = field.value;
    htmx.trigger(field, "ask");
  }

  function look() {
    if (!palette.open) { qx.open(palette); ask(); }
    field.select();
  }

  const options = () => all('[role="option"]', answer);
  const chosen = () => options().find((option) => option.getAttribute("aria-selected") === "true");

  function choose(index) {
    const found = options();
    found.forEach((option, at) => {
      option.id = `option-${at}`;
      option.setAttribute("aria-selected", String(at === index));
    });
    found[index]?.scrollIntoView({ block: "nearest" });
    field.setAttribute("aria-expanded", String(found.length > 0));
    if (found[index]) field.setAttribute("aria-activedescendant", found[index].id);
    else field.removeAttribute("aria-activedescendant");
  }

  function go(elsewhere) {
    const option = chosen();
    if (option && elsewhere && option.href) open(option.href, "_blank", "noopener");
    else option?.click();
  }

  function steer(event) {
    const last = options().length - 1, now = options().indexOf(chosen());
    const to = { ArrowDown: now < last ? now + 1 : 0, ArrowUp: now > 0 ? now - 1 : last, Home: 0, End: last }[event.key];
    if (event.key === "Enter") {
      event.preventDefault();
      going = { elsewhere: event.ctrlKey || event.metaKey };
      if (field.value !== answered) return field.value !== asked && ask();  // it goes on as soon as the answer is there
      arrive();
    } else if (event.key === "Escape") {
      event.preventDefault();
      palette.close();
    } else if (to !== undefined && last >= 0) {
      event.preventDefault();
      choose(to);
    }
  }

  function arrive() {
    const way = going;
    going = null;
    if (way) go(way.elsewhere);
  }

  field.addEventListener("input", () => {
    clearTimeout(timer);
    going = null;
    timer = setTimeout(ask, 100);
  });
  palette.addEventListener("close", () => {
    clearTimeout(timer);
    field.value = "";
    answer.replaceChildren();
    asked = answered = going = null;
    choose(-1);
  });
  field.addEventListener("htmx:afterRequest", (event) => {
    if (!event.detail.successful || !palette.open) return;
    answered = asked;
    choose(0);
    arrive();
  });
  for (const kind of ["htmx:sendError", "htmx:responseError", "htmx:timeout"]) field.addEventListener(kind, (event) => {
    event.stopPropagation();
    const words = document.createElement("p");
    words.className = "wrong";
    words.textContent = qx.say(kind === "htmx:responseError" ? "s500" : "offline");
    answer.replaceChildren(words);
    asked = answered = going = null;
    choose(-1);
  });
  answer.addEventListener("click", (event) => { if (event.target.closest("[data-theme-set]")) palette.close(); });
  answer.addEventListener("qx:copied", () => { palette.close(); qx.toast({ text: qx.say("copied") }); });
  document.addEventListener("click", (event) => { if (event.target.closest('[data-dialog="#palette"]')) ask(); });

  // Keys of one letter; they can be switched off

  const areOn = () => !document.cookie.split("; ").includes("keys=off");
  const WRITTEN_IN = 'textarea, select, [contenteditable], input:not([type="checkbox"], [type="radio"], [type="button"], [type="submit"], [type="range"])';
  let afterG = 0;

  document.addEventListener("keydown", (event) => {
    if (event.isComposing || event.keyCode === 229 || event.defaultPrevented) return;
    const plain = !event.ctrlKey && !event.metaKey && !event.altKey;
    if ((event.ctrlKey || event.metaKey) && !event.altKey && !event.shiftKey && event.key.toLowerCase() === "k") {
      event.preventDefault();
      look();
    } else if (event.target === field) {
      steer(event);
    } else if (plain && event.key.length === 1 && !event.repeat && areOn() && !event.target.closest(`${WRITTEN_IN}, dialog`)) {
      if (press(event.key.toLowerCase())) event.preventDefault();
    }
  });

  function press(key) {
    const isSecond = Date.now() - afterG < 1500;
    afterG = 0;
    const way = isSecond && all("[data-jump]").find((link) => link.dataset.jump === key);
    if (way) way.click();
    else if (key === "/") look();
    else if (key === "?") show();
    else if (key === "g") afterG = Date.now();
    else return here(key);
    return true;
  }

  function here(key) {
    const button = keyed().find((each) => each.dataset.key.toLowerCase() === key);
    button?.click();
    return Boolean(button);
  }

  const keyed = () => all("[data-key]").filter((each) => each.checkVisibility());

  // Their help

  function show() {
    list("[data-keys-go]", all("[data-jump]").map((link) => [["G", link.dataset.jump.toUpperCase()], named(link)]));
    list("[data-keys-here]", keyed().map((each) => [[each.dataset.key.toUpperCase()], named(each)]));
    qx.open(help);
  }

  const named = (element) => element.getAttribute("aria-label") || [...element.childNodes].filter((node) => node.nodeType === Node.TEXT_NODE || !node.matches("kbd, .qx-count, .qx-hidden, svg")).map((node) => node.textContent.trim()).join(" ").trim();

  function list(where, rows) {
    const box = help.querySelector(where);
    box.closest("section").hidden = rows.length === 0;
    box.replaceChildren(...rows.flatMap(([keys, words]) => {
      const term = document.createElement("dt"), says = document.createElement("dd");
      keys.forEach((key) => { const cap = document.createElement("kbd"); cap.textContent = key; term.append(cap, " "); });
      says.textContent = words;
      return [term, says];
    }));
  }

  const lever = help.querySelector("[data-single-keys]");
  lever.checked = areOn();
  lever.addEventListener("change", () => {
    document.cookie = `keys=${lever.checked ? "on" : "off"}; path=/; max-age=31536000; samesite=lax${location.protocol === "https:" ? "; secure" : ""}`;
  });
  document.addEventListener("click", (event) => {
    if (event.target.closest('[data-dialog="#key-help"]')) { event.preventDefault(); event.stopPropagation(); show(); }
  }, true);

  // Focus: where htmx brings the part anew that held it, it goes to the same thing there, or to what stands in its place

  const REACHED = 'a[href], button:not(:disabled), summary, input:not([type="hidden"], :disabled), select:not(:disabled), textarea:not(:disabled), [tabindex="0"]';
  let held = null;

  function whereabouts(element) {
    const ways = [];
    for (let at = element, steps = []; at && at !== document.body; at = at.parentElement) {
      if (at.id) ways.push({ id: at.id, steps: [...steps] });
      steps.unshift([...at.parentElement.children].indexOf(at));
    }
    return { ways, tag: element.tagName, name: element.getAttribute("name"), words: words(element) };
  }

  const words = (element) => element.getAttribute("aria-label") || element.textContent.trim();
  const isThere = (element) => element.matches(REACHED) && element.checkVisibility();

  function found({ ways, tag, name, words: said }) {
    for (const { id, steps } of ways) {
      const within = document.getElementById(id);
      if (!within) continue;
      if (!steps.length && isThere(within)) return within;
      const same = all(tag, within).find((each) => isThere(each) && words(each) === said && each.getAttribute("name") === name);
      if (same) return same;
      let at = within;
      for (const step of steps) if (!at.matches("a, button") && at.children[step]) at = at.children[step]; else break;
      const inPlace = isThere(at) ? at : all(REACHED, at).find(isThere);
      if (inPlace) return inPlace;
    }
    return document.getElementById("main");
  }

  document.addEventListener("htmx:beforeSwap", () => {
    const element = document.activeElement;
    if (element && element !== document.body) held = { element, ...whereabouts(element) };
  });
  document.addEventListener("htmx:afterSettle", () => {
    if (held && !held.element.isConnected && document.activeElement === document.body) found(held)?.focus({ preventScroll: true });
    held = null;
  });
})();
