// The two files of an import: what is chosen, what is too large, how much has arrived.
(function () {
  "use strict";

  const size = (bytes) => bytes < 1e6 ? `${Math.max(1, Math.round(bytes / 1e3))} KB` : `${(bytes / 1e6).toFixed(1)} MB`;

  document.addEventListener("change", ({ target }) => {
    const form = target.closest("[data-upload]");
    if (!form || target.type !== "file") return;
    const file = target.files[0], said = target.closest(".qx-drop").querySelector("[data-chosen]");
    const over = Boolean(file) && file.size > Number(form.dataset.most);
    said.textContent = file ? `${file.name} · ${size(file.size)}${over ? ` · ${form.dataset.tooLarge}` : ""}` : said.dataset.none;
    said.classList.toggle("qx-bad", over);
    said.classList.toggle("qx-good", Boolean(file) && !over);
    target.setCustomValidity(over ? form.dataset.tooLarge : "");
  });

  document.addEventListener("htmx:xhr:progress", ({ target, detail }) => {
    const row = target.closest?.("[data-upload]")?.querySelector("[data-sending]");
    if (!row || !detail.lengthComputable || !detail.total) return;
    const share = Math.round(100 * detail.loaded / detail.total);
    row.hidden = false;
    row.querySelector("meter").value = share;
    row.querySelector("[role=status]").textContent = `${size(detail.loaded)} / ${size(detail.total)}`;
  });

  document.addEventListener("htmx:responseError", ({ target }) => {
    const row = target.closest?.("[data-upload]")?.querySelector("[data-sending]");
    if (row) row.hidden = true;
  });
})();
