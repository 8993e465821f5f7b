// Lists with many choices, which are narrowed by what is typed; and all of a result chosen at once.
(function () {
  "use strict";

  document.addEventListener("input", (event) => {
    if (!event.target.matches("[data-narrow]")) return;
    const words = event.target.value.trim().toLowerCase();
    event.target.parentElement.querySelectorAll("label").forEach((label) => { label.hidden = !label.textContent.toLowerCase().includes(words); });
  });
  document.addEventListener("change", (event) => { if (event.target.matches("[data-narrow]")) event.stopPropagation(); }, true);

  // The menus above a list may come after it: what was opened meanwhile stays open, and what came too late is left out

  let opened = null, focused = null;
  document.addEventListener("htmx:beforeSwap", (event) => {
    const asked = event.detail.requestConfig.elt;
    if (asked.id === "menus-later" && !asked.isConnected) event.detail.shouldSwap = false;
  });
  document.addEventListener("htmx:oobBeforeSwap", (event) => {
    if (event.detail.target.id !== "menus" || !document.getElementById("menus-later")) return;
    opened = document.querySelector("#menus details[open]")?.dataset.menu;
    focused = document.activeElement.closest("#menus details")?.dataset.menu;
  });
  document.addEventListener("htmx:oobAfterSwap", (event) => {
    if (event.detail.target.id !== "menus") return;
    const menu = (name) => document.querySelector(`#menus details[data-menu="${CSS.escape(name)}"]`);
    if (opened && menu(opened)) menu(opened).open = true;
    if (focused) menu(focused)?.querySelector("summary").focus();
    opened = focused = null;
  });

  // Whose condition was taken out goes on at the next one, or where words are typed

  let isTakenOut = false;
  document.addEventListener("htmx:beforeRequest", (event) => { isTakenOut = Boolean(event.detail.elt.closest("#chips")); });
  document.addEventListener("htmx:afterSettle", () => {
    if (!isTakenOut || document.activeElement !== document.body) return;
    isTakenOut = false;
    (document.querySelector("#chips a") || document.querySelector("#words"))?.focus();
  });

  // All of the result, not only this page

  function tick(form, on) {
    form.querySelectorAll('tbody .pick input[type="checkbox"]').forEach((box) => { box.checked = on; });
    form.querySelector('tbody .pick input[type="checkbox"]')?.dispatchEvent(new Event("change", { bubbles: true }));
  }

  document.addEventListener("change", (event) => {
    const form = event.target.closest("#bulk");
    if (!form) return;
    const all = form.querySelector("[data-everybody]");
    if (event.target === all) {
      tick(form, true);
      if (all.checked) say(form, Number(form.dataset.total));
    } else if (all?.checked && !event.target.checked) {
      all.checked = false;
    } else if (all?.checked) {
      say(form, Number(form.dataset.total));
    }
  });

  document.addEventListener("click", (event) => {
    const none = event.target.closest("[data-none]");
    if (!none) return;
    const form = none.closest("#bulk"), all = form.querySelector("[data-everybody]");
    if (all) all.checked = false;
    tick(form, false);
    form.querySelector("[data-all]")?.focus();
  });

  function say(form, number) {
    form.querySelectorAll("[data-picked]").forEach((element) => { element.textContent = number.toLocaleString("en"); });
  }
})();
