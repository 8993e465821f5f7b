/* Nobody is signed in here: lists that a phone kept go, wherever the sign-out was pressed. What it has not sent yet stays until
   its seat comes back, since a tick must not be lost; the page says so. */
(async () => {
  "use strict";

  const note = document.querySelector("[data-unsent]");
  let unsent = 0;
  for (const name of Object.keys(localStorage).filter((each) => each.startsWith("phone:"))) {
    let entries = [];
    try { entries = JSON.parse(localStorage.getItem(name)); } catch { /* nothing that could be sent */ }
    const kept = (Array.isArray(entries) ? entries : []).filter((entry) => entry.state === "waiting" || entry.state === "clash");
    unsent += kept.length;
    if (kept.length) localStorage.setItem(name, JSON.stringify(kept));
    else localStorage.removeItem(name);
  }
  if (note && unsent) {
    note.lastElementChild.textContent = note.dataset.unsent.replace("{n}", unsent);
    note.hidden = false;
  }
  if ("caches" in window) for (const name of await caches.keys()) if (name.startsWith("phone:")) await caches.delete(name);
})();
