// The plan page: following one old group through the flow, and walking the points of the curve. It listens on the document, so that
// what htmx brings works too; without it every group and point is a plain link.
(function () {
  "use strict";

  const all = (what, within) => [...within.querySelectorAll(what)];
  let follows = null; // the old group that was chosen by hand; it stays chosen when another point is picked

  function choose(flow, at) {
    flow.dataset.chosen = at;
    all(".qp-flow", flow).forEach((picture) => {
      const came = new Map();
      all(".ribbons path", picture).forEach((ribbon) => {
        const is = ribbon.dataset.from === at;
        ribbon.classList.toggle("chosen", is);
        if (is) came.set(ribbon.dataset.to, ribbon.dataset.n);
      });
      all(".ribbons path.chosen", picture).forEach((ribbon) => ribbon.parentNode.append(ribbon)); // what is chosen lies on top
      all(".bar", picture).forEach((bar) => {
        const is = bar.dataset.choose === at;
        bar.classList.toggle("chosen", is);
        if (is) bar.setAttribute("aria-current", "true"); else bar.removeAttribute("aria-current");
      });
      all(".right [data-to]", picture).forEach((bar) => {
        bar.classList.toggle("stays", bar.dataset.to === at);
        bar.querySelector(".n").textContent = came.get(bar.dataset.to) || "0";
      });
    });
  }

  function show(flow, view) {
    flow.dataset.view = view;
    all("[data-show]", flow).forEach((button) => button.setAttribute("aria-pressed", String(button.dataset.show === view)));
    const people = flow.querySelector("[data-people-flow]"), stars = flow.querySelector("[data-stars]");
    if (people) people.hidden = view === "stars";
    if (stars) stars.hidden = view !== "stars";
  }

  function follow(target) {
    const flow = target.closest("[data-flow]");
    const at = target.dataset.choose ?? target.dataset.from;
    if (!flow || at === undefined) return;
    if (flow.dataset.chosen !== at) choose(flow, at);
    if (flow.dataset.view === "all") show(flow, "one");
  }

  document.addEventListener("click", (event) => {
    if (event.ctrlKey || event.metaKey || event.shiftKey || event.button) return;
    const view = event.target.closest("[data-flow] [data-show]");
    if (view) return show(view.closest("[data-flow]"), view.dataset.show);
    const bar = event.target.closest("[data-choose], .ribbons [data-from]");
    if (bar && bar.closest("[data-flow]")) {
      event.preventDefault();
      follows = bar.dataset.choose ?? bar.dataset.from;
      return follow(bar);
    }
    const point = event.target.closest("[data-point]");
    if (point) pick(event, point);
  });

  function pick(event, point) {
    const link = document.querySelector(`[data-moves="${point.dataset.point}"]`);
    if (!link || !window.htmx) return;
    event.preventDefault();
    point.focus();
    link.click();
  }

  // Hover and focus follow a group; leaving the picture goes back to the one chosen by hand.
  document.addEventListener("pointerover", (event) => {
    if (event.pointerType === "touch") return;
    const bar = event.target.closest?.("[data-flow]:not([data-view='all']) :is([data-choose], .ribbons [data-from])");
    if (bar) follow(bar);
  });
  document.addEventListener("focusin", (event) => {
    const bar = event.target.closest?.("[data-choose]");
    if (bar) { follows = bar.dataset.choose; follow(bar); }
  });

  document.addEventListener("keydown", (event) => {
    const forward = ["ArrowRight", "ArrowDown", "ArrowUp", "ArrowLeft", "Home", "End"].indexOf(event.key);
    if (forward < 0 || event.ctrlKey || event.metaKey || event.altKey) return;
    const point = event.target.closest?.("[data-point]"), bar = event.target.closest?.("[data-choose]");
    if (!point && !bar) return;
    const up = event.key === "ArrowUp";
    const further = point ? event.key === "ArrowRight" || up : event.key === "ArrowRight" || event.key === "ArrowDown";
    const line = all(point ? "[data-point]" : "[data-choose]", (point || bar).parentNode);
    const here = line.indexOf(point || bar);
    const next = event.key === "Home" ? line[0] : event.key === "End" ? line.at(-1) : line[here + (further ? 1 : -1)];
    event.preventDefault();
    if (!next || next === line[here]) return;
    next.focus();
    if (point) next.dispatchEvent(new MouseEvent("click", { bubbles: true, cancelable: true }));
  });

  // Another point was picked: the same group and view stay chosen.
  let view = "one";
  document.addEventListener("htmx:beforeSwap", (event) => {
    const flow = event.target.querySelector?.("[data-flow]");
    if (flow) view = flow.dataset.view;
  });
  document.addEventListener("htmx:afterSettle", () => {
    const flow = document.querySelector("[data-flow]");
    if (!flow || flow.dataset.kept) return;
    flow.dataset.kept = "1";
    if (follows !== null && flow.querySelector(`[data-choose="${follows}"]`)) choose(flow, follows);
    if (view !== "one" && flow.querySelector(`[data-show="${view}"]`)) show(flow, view);
  });
})();
