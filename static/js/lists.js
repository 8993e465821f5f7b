// Lists with many choices: what is typed narrows them.
(function () {
  "use strict";

  document.addEventListener("input", (event) => {
    if (!event.target.matches("[data-narrow]")) return;
    const words = event.target.value.trim().toLowerCase();
    event.target.parentElement.querySelectorAll("label").forEach((label) => { label.hidden = !label.textContent.toLowerCase().includes(words); });
  });
  document.addEventListener("change", (event) => { if (event.target.matches("[data-narrow]")) event.stopPropagation(); }, true);
})();
