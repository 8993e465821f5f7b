// What every page can do. It listens on the document alone, so that what htmx brings in later works too.
(function () {
  "use strict";

  // So that the next page may leave out what comes by script.
  if (!/(?:^|; )script=1/.test(document.cookie)) document.cookie = "script=1; path=/; max-age=31536000; samesite=lax";

  const page = document.documentElement;
  const all = (what, within = document) => [...within.querySelectorAll(what)];
  const say = (name) => document.getElementById("toasts")?.dataset[name] || "";
  const csrf = () => document.querySelector('meta[name="csrf-token"]')?.content || document.cookie.match(/(?:^|; )csrftoken=([^;]+)/)?.[1] || "";

  function ready(within = document) {
    all("[data-needs-script][hidden]", within).forEach((element) => { element.hidden = false; });
    all(".qx-toast", within).forEach(settle);
    all("dialog[data-open]", within).forEach(open);
    all("[data-half]", within).forEach((box) => { box.indeterminate = true; });
    all(".qx-tabs [aria-current]", within).forEach((tab) => { tab.parentElement.scrollLeft = tab.offsetLeft - tab.parentElement.offsetLeft - 16; });
  }

  // Toasts: one at a time; ten seconds, held while hovered or focused

  function settle(toast) {
    if (toast.dataset.settled) return;
    toast.dataset.settled = "1";
    let left = 10000, since = Date.now(), timer;
    const go = () => { since = Date.now(); timer = setTimeout(() => toast.remove(), left); };
    const hold = () => { clearTimeout(timer); left -= Date.now() - since; };
    const held = () => toast.matches(":hover, :focus-within");
    toast.addEventListener("pointerenter", () => { if (!toast.contains(document.activeElement)) hold(); });
    toast.addEventListener("focusin", (event) => { if (!toast.contains(event.relatedTarget) && !toast.matches(":hover")) hold(); });
    const release = () => setTimeout(() => { if (!held()) { left = Math.max(left, 1500); clearTimeout(timer); go(); } });
    toast.addEventListener("pointerleave", release);
    toast.addEventListener("focusout", release);
    go();
  }

  function icon(name) {
    const sprite = document.getElementById("toasts")?.dataset.icons || "";
    const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
    svg.setAttribute("class", "qx-icon");
    svg.setAttribute("aria-hidden", "true");
    svg.append(document.createElementNS("http://www.w3.org/2000/svg", "use"));
    svg.firstChild.setAttribute("href", `${sprite}#${name}`);
    return svg;
  }

  // { text, kind: "good" | "warn" | "bad", undo: address to post to, link: { url, label } }
  function toast({ text, kind = "good", undo, link } = {}) {
    const region = document.getElementById("toasts");
    if (!region || !text) return;
    const slip = document.createElement("div");
    slip.className = `qx-toast ${kind}`;
    slip.append(icon(kind === "good" ? "check" : "alert-triangle"));
    const words = document.createElement("span");
    words.textContent = text;
    slip.append(words);
    if (undo) {
      const form = document.createElement("form");
      form.method = "post";
      form.action = undo;
      form.innerHTML = '<input type="hidden" name="csrfmiddlewaretoken"><input type="hidden" name="next"><button></button>';
      form.elements[0].value = csrf();
      form.elements[1].value = location.pathname + location.search;
      form.elements[2].textContent = say("undo");
      slip.append(form);
    }
    if (link) {
      const way = document.createElement("a");
      way.href = link.url;
      way.textContent = link.label;
      slip.append(way);
    }
    slip.append(document.createElement("i"));
    region.replaceChildren(slip);
    settle(slip);
  }
  window.qx = { toast, open, say };
  document.addEventListener("toast", (event) => toast(event.detail));

  // Theme: a cookie for a year; the server reads it, nothing is posted

  function paint(theme) {
    page.dataset.theme = theme;
    page.dataset.bsTheme = theme === "system" ? (matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light") : theme;
    document.cookie = `theme=${theme}; path=/; max-age=31536000; samesite=lax${location.protocol === "https:" ? "; secure" : ""}`;
    all("[data-theme-set]").forEach((button) => button.setAttribute("aria-pressed", String(button.dataset.themeSet === theme)));
    document.dispatchEvent(new CustomEvent("qx:theme", { detail: page.dataset.bsTheme }));
  }

  // Copying: the clipboard where the page may use it, otherwise a selected field

  async function copy(text) {
    try {
      await navigator.clipboard.writeText(text);
      return true;
    } catch {
      const field = document.createElement("textarea");
      const before = document.activeElement;
      field.value = text;
      field.readOnly = true;
      field.className = "qx-hidden";
      (before?.closest("dialog") || document.body).append(field);
      field.select();
      let done = false;
      try { done = document.execCommand("copy"); } catch { /* the field below stays selected */ }
      field.remove();
      before?.focus();
      return done;
    }
  }

  async function copyFrom(button) {
    const source = button.dataset.copyFrom && document.querySelector(button.dataset.copyFrom);
    const text = source ? (source.value ?? source.textContent.trim()) : button.dataset.copy;
    if (!await copy(text)) {
      if (source) getSelection().selectAllChildren(source);
      return toast({ text: say("copyFailed"), kind: "warn" });
    }
    button.classList.add("copied");
    const label = button.querySelector(".label") || button;
    if (button.dataset.copied && !button.dataset.label) {
      button.dataset.label = label.textContent;
      label.textContent = button.dataset.copied;
      if (!button.hasAttribute("data-stays")) setTimeout(() => { label.textContent = button.dataset.label; delete button.dataset.label; button.classList.remove("copied"); }, 4000);
    }
    const use = button.querySelector("use");
    if (use && button.hasAttribute("data-stays")) use.setAttribute("href", use.getAttribute("href").replace(/#.*/, "#check"));
    const live = document.getElementById("live");
    if (live) live.textContent = button.dataset.copied || say("copied");
    if (button.dataset.then) document.querySelector(button.dataset.then)?.classList.add("primary", "btn-primary");
    button.dispatchEvent(new CustomEvent("qx:copied", { bubbles: true }));
  }

  document.addEventListener("click", (event) => {
    const at = (what) => event.target.closest(what);
    let found;
    if ((found = at("[data-theme-set]"))) paint(found.dataset.themeSet);
    else if ((found = at("[data-theme-turn]"))) paint(page.dataset.bsTheme === "dark" ? "light" : "dark");
    else if ((found = at("[data-copy], [data-copy-from]"))) { event.preventDefault(); copyFrom(found); }
    else if ((found = at("[data-dialog]"))) { event.preventDefault(); open(document.querySelector(found.dataset.dialog)); }
    else if ((found = at("[data-set]"))) set(document.querySelector(found.dataset.set), found.dataset.value);
    else if ((found = at("dialog [data-close]"))) { event.preventDefault(); found.closest("dialog").close(); }
    else if (event.target.matches("dialog") && outside(event)) event.target.close();
    all("details.qx-menu[open]").forEach((menu) => { if (!menu.contains(event.target)) menu.open = false; });
  });

  // A value that an error proposes goes into its field

  function set(field, value) {
    if (!field) return;
    field.value = value;
    field.dispatchEvent(new Event("input", { bubbles: true }));
    field.dispatchEvent(new Event("change", { bubbles: true }));
    field.focus();
  }

  // A search beside a long select: what is typed narrows its list, and the first that fits is chosen on leaving

  function seek(search) {
    const select = document.querySelector(search.dataset.seek);
    const words = search.value.trim().toLowerCase().split(/\s+/).filter(Boolean);
    const values = new Set();
    const fits = all("option", select).filter((option) => {
      const text = `${option.textContent} ${option.value.replace(/_/g, " ")}`.toLowerCase();
      const shown = words.every((word) => text.includes(word)) && !(words.length && values.has(option.value));
      if (shown) values.add(option.value);
      option.hidden = !shown;  // not disabled: what is chosen is still sent
      return shown;
    });
    all("optgroup", select).forEach((group) => { group.hidden = !all("option", group).some((option) => !option.hidden); });
    if (words.length && fits.length) select.size = Math.min(8, Math.max(2, fits.length + 2)); else select.removeAttribute("size");
    return fits;
  }

  document.addEventListener("input", (event) => { if (event.target.matches("[data-seek]")) seek(event.target); });
  document.addEventListener("keydown", (event) => {
    if (!event.target.matches("[data-seek]") || event.key !== "Enter") return;
    event.preventDefault();
    const found = event.target.value.trim() && seek(event.target)[0];
    if (found) chosenBySeek(event.target, found.value);
  });
  document.addEventListener("change", (event) => {
    const search = event.target.id && document.querySelector(`[data-seek="#${event.target.id}"]`);
    if (search?.value) chosenBySeek(search, event.target.value);
  });

  function chosenBySeek(search, value) {
    search.value = "";
    seek(search);
    set(document.querySelector(search.dataset.seek), value);
  }

  function outside({ target, clientX, clientY }) {
    const box = target.getBoundingClientRect();
    return clientX < box.left || clientX > box.right || clientY < box.top || clientY > box.bottom;
  }

  function open(dialog) {
    if (!dialog || dialog.open) return;
    document.querySelector(".qx-rail:popover-open")?.hidePopover();
    document.querySelector("#palette[open]")?.close();
    dialog.showModal();
    // Who presses Enter without reading loses nothing.
    if (document.activeElement?.matches(".btn-danger")) dialog.querySelector("[data-close]")?.focus();
  }

  // Esc

  document.addEventListener("keydown", (event) => {
    if (event.key !== "Escape" || event.defaultPrevented || event.isComposing) return;
    const menu = document.querySelector("details.qx-menu[open]");
    if (menu) {
      menu.open = false;
      menu.querySelector("summary").focus();
    } else if (!document.querySelector("dialog[open], :popover-open") && !event.target.matches("input, textarea, select")) {
      document.querySelector("[data-side] .close")?.click();
    }
  });

  // By keys into a panel at the side, and out of it back to the link that opened it

  document.addEventListener("click", (event) => {
    const link = event.target.closest?.("a[href]");
    if (!link || link.matches("[data-side] .close")) return;
    event.detail ? sessionStorage.removeItem("opened") : sessionStorage.setItem("opened", JSON.stringify([link.href, link.getAttribute("href")]));
  });

  function come(element) {
    element.tabIndex = -1;
    element.dataset.came = "";
    element.focus({ preventScroll: true });
  }

  function comeBySide() {
    const side = document.querySelector("[data-side]");
    const [address, way] = JSON.parse(sessionStorage.getItem("opened") || "[]");
    if (!address || !isNowhere()) return;
    if (side && address === location.href) come(side);
    else if (!side && address.split("#")[0] === document.referrer) document.querySelector(`a[href="${CSS.escape(way)}"]`)?.focus();
  }

  // What an input method is still composing is no question yet: fields that ask while somebody types hear of it when it is settled

  document.addEventListener("input", (event) => { if (event.isComposing) event.stopPropagation(); }, true);
  document.addEventListener("compositionend", (event) => { setTimeout(() => event.target.dispatchEvent(new Event("input", { bubbles: true }))); }, true);

  // One form, one request: a second press waits for the first

  function busy(form, on, submitter) {
    const buttons = submitter ? [submitter] : all('button:not([type="button"])', form);
    buttons.forEach((button) => { on ? button.setAttribute("aria-busy", "true") : button.removeAttribute("aria-busy"); });
    on ? form.dataset.busy = "1" : delete form.dataset.busy;
  }

  document.addEventListener("submit", (event) => {
    const form = event.target;
    if (form.dataset.busy) { event.preventDefault(); event.stopImmediatePropagation(); return; }
    const writes = form.method === "post" && !form.hasAttribute("data-download");
    if (writes && !form.closest("[hx-post], [hx-put], [hx-patch], [hx-delete]") && !event.defaultPrevented) busy(form, true, event.submitter);
  }, true);
  addEventListener("pageshow", (event) => { if (event.persisted) all("form[data-busy]").forEach((form) => { busy(form, false); all("[aria-busy]", form).forEach((b) => b.removeAttribute("aria-busy")); }); });

  // A select or box with data-submit sends its form when changed

  document.addEventListener("change", (event) => {
    if (event.target.matches("[data-submit]")) event.target.form?.requestSubmit();
    if (event.target.matches("[data-all]")) pickAll(event.target);
    if (event.target.matches('.pick input[type="checkbox"], [data-all]')) count(event.target.closest("[data-picks]") || document);
  });

  function pickAll(head) {
    all('tbody .pick input[type="checkbox"]', head.closest("table")).forEach((box) => { box.checked = head.checked; });
  }

  function count(within) {
    const boxes = all('tbody .pick input[type="checkbox"]', within);
    const picked = boxes.filter((box) => box.checked).length;
    const head = within.querySelector("[data-all]");
    if (head) { head.checked = picked === boxes.length && picked > 0; head.indeterminate = picked > 0 && picked < boxes.length; }
    all("[data-picked]", within).forEach((element) => { element.textContent = picked.toLocaleString("en"); });
    all("[data-when-picked]", within).forEach((element) => { element.hidden = picked === 0; });
  }

  // A file dropped on a label goes into its field

  for (const kind of ["dragover", "dragleave", "drop"]) document.addEventListener(kind, (event) => {
    const drop = event.target.closest?.(".qx-drop");
    if (!drop) return;
    event.preventDefault();
    drop.classList.toggle("over", kind === "dragover");
    if (kind !== "drop" || !event.dataTransfer.files.length) return;
    const field = drop.querySelector('input[type="file"]');
    field.files = event.dataTransfer.files;
    field.dispatchEvent(new Event("change", { bubbles: true }));
  });

  // htmx

  document.addEventListener("htmx:configRequest", (event) => { if (event.detail.verb !== "get") event.detail.headers["X-CSRFToken"] = csrf(); });
  // A button that is off while it asks loses the focus; it has it again before its answer comes in, perhaps as a dialog that gives it back
  const held = new WeakSet();
  const isNowhere = () => [null, document.body].includes(document.activeElement);
  function free(button) {
    button.removeAttribute("aria-busy");
    button.disabled = false;
    if (held.delete(button) && button.isConnected && isNowhere()) button.focus();
  }
  document.addEventListener("htmx:beforeOnLoad", (event) => { if (event.detail.elt.matches("button, .btn")) free(event.detail.elt); });
  document.addEventListener("htmx:beforeRequest", (event) => {
    const element = event.detail.elt;
    if (element.matches("form")) {
      if (element.method === "post" || element.matches("[hx-post]")) busy(element, true, event.detail.requestConfig.triggeringEvent?.submitter);
    } else if (element.matches("button, .btn")) {
      if (element === document.activeElement) held.add(element);
      element.setAttribute("aria-busy", "true");
      element.disabled = true;
    }
  });
  document.addEventListener("htmx:afterRequest", (event) => {
    const element = event.detail.elt;
    if (element.matches("form")) { busy(element, false); all("[aria-busy]", element).forEach((button) => button.removeAttribute("aria-busy")); }
    else if (element.matches("button, .btn")) free(element);
  });
  // Who stood on something that comes anew stands on the same thing again, in a dialog else at its beginning
  let stood = null;
  const mark = (element) => [element.tagName, element.getAttribute("href"), element.name, element.value, element.getAttribute("aria-label"), element.textContent.trim()].join("\n");
  document.addEventListener("htmx:beforeSwap", ({ detail: { target } }) => {
    const at = document.activeElement;
    stood = at && at !== document.body && !at.id && target?.contains(at) ? { mark: mark(at), tag: at.tagName } : null;
  });
  document.addEventListener("htmx:afterSettle", (event) => {
    if (!stood || !isNowhere()) return;
    const same = all(stood.tag).find((element) => mark(element) === stood.mark);
    stood = null;
    const within = document.querySelector("dialog[open]");
    if (same) same.focus();
    else if (within) come(within.querySelector("h2") || within);
  });
  // Whose session has ended is led to the sign-in, which leads back; its page does not belong into a part of this one
  document.addEventListener("htmx:beforeSwap", (event) => {
    if (!new URL(event.detail.xhr.responseURL || location.href, location.href).pathname.startsWith("/accounts/login/")) return;
    event.detail.shouldSwap = false;
    location.reload();
  });
  document.addEventListener("htmx:responseError", (event) => {
    const answer = event.detail.xhr;
    const type = answer.getResponseHeader("Content-Type") || "";
    let text = "";
    if (type.startsWith("text/plain")) text = answer.responseText;
    else if (type.includes("json")) try { const said = JSON.parse(answer.responseText); text = said.sentence || said.detail || said.title; } catch { /* no sentence in it */ }
    toast({ text: text || say(`s${answer.status}`) || say("s500"), kind: answer.status >= 500 ? "bad" : "warn" });
  });
  for (const kind of ["htmx:sendError", "htmx:timeout"]) document.addEventListener(kind, () => toast({ text: say("offline"), kind: "warn" }));
  document.addEventListener("htmx:afterSwap", (event) => {
    ready(event.target);
    event.target.querySelector?.(".qx-errors")?.focus();
  });
  document.addEventListener("htmx:oobAfterSwap", (event) => ready(event.target));

  ready();
  comeBySide();
  document.querySelector(".qx-errors")?.focus();
})();
