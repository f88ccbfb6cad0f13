// Copying texts, and the button that does it.

import { el } from "./dom.js";
import { icon } from "./icons.js";
import { t } from "./language.js";

const MS_SHOWN = 1500;

// textOf: called when the button is pressed.
export function copyButton(textOf) {
  const button = el("button", { type: "button", class: "quiet copy", title: t("copy"), "aria-label": t("copy") });
  button.append(icon("copy"));
  button.addEventListener("click", async () => {
    const done = await copy(textOf());
    button.replaceChildren(icon(done ? "check" : "cross"));
    button.setAttribute("aria-label", t(done ? "copied" : "not_copied"));
    setTimeout(() => {
      button.replaceChildren(icon("copy"));
      button.setAttribute("aria-label", t("copy"));
    }, MS_SHOWN);
  });
  return button;
}

async function copy(text) {
  if (navigator.clipboard) {
    try {
      await navigator.clipboard.writeText(text);
      return true;
    } catch {
      // Not allowed here: the older way may be.
    }
  }
  // Pages that come over plain HTTP from another machine have no clipboard.
  const area = el("textarea", { class: "offscreen", readonly: true, "aria-hidden": "true" });
  area.value = text;
  document.body.append(area);
  area.select();
  const done = document.execCommand("copy");
  area.remove();
  return done;
}
