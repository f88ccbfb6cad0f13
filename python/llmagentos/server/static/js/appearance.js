// Runs before the page is drawn, so that it does not flash in other colours: the theme and the language that were chosen
// (settings.js keeps them).
(() => {
  let settings = {};
  try {
    settings = JSON.parse(localStorage.getItem("llmagentos.settings")) ?? {};
  } catch {
    // The browser keeps nothing for this page, or something else: the system's colours and language are used.
  }
  const root = document.documentElement;
  if (settings.theme === "light" || settings.theme === "dark") root.dataset.theme = settings.theme;
  const chosen = settings.language === "en" || settings.language === "zh" ? settings.language : navigator.language;
  root.lang = chosen.toLowerCase().startsWith("zh") ? "zh-CN" : "en";
})();
