// Before the first paint: where the cookie says nothing, the page follows the system, now and when it changes.
(function () {
  const page = document.documentElement;
  if (page.dataset.theme !== "system") return;
  const dark = matchMedia("(prefers-color-scheme: dark)");
  const follow = () => { if (page.dataset.theme === "system") page.dataset.bsTheme = dark.matches ? "dark" : "light"; };
  follow();
  dark.addEventListener("change", follow);
})();
