// Bootstrap switches by data-bs-theme alone, so the system's preference is written there before the first paint.
// A choice of the user (data-theme, set by the server) wins. Not a module: modules run after the first paint.
(() => {
  const root = document.documentElement;
  const dark = matchMedia("(prefers-color-scheme: dark)");
  const follow = () => {
    root.dataset.bsTheme = root.dataset.theme || (dark.matches ? "dark" : "light");
  };
  follow();
  dark.addEventListener("change", follow);
})();
