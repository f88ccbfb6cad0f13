// Keys that work anywhere on the page.

// actions: start(), stop(), openSettings(), focus().
export function listenToKeys(actions) {
  addEventListener("keydown", (event) => {
    if (event.isComposing || document.querySelector("dialog[open]")) return;
    const action = actionOf(event, actions);
    if (!action) return;
    event.preventDefault();
    action();
  });
}

function actionOf(event, { start, stop, openSettings, focus }) {
  const command = event.ctrlKey || event.metaKey;
  if (event.key === "Escape") return stop;
  if (command && event.shiftKey && event.key.toLowerCase() === "o") return start;
  if (command && event.key === ",") return openSettings;
  const isWriting = event.target.closest?.("input, textarea, select") !== null;
  if (event.key === "/" && !isWriting && !command) return focus;
  return null;
}
