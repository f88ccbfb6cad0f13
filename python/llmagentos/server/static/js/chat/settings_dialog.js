// The dialog with everything that can be set.

import { el } from "../dom.js";
import { t } from "../language.js";
import { SAMPLING, saveSettings, settings } from "../settings.js";

export class SettingsDialog {
  // changed(): called after they were saved. deleteAll(): deletes all conversations.
  constructor(dialog, { changed, deleteAll }) {
    this.dialog = dialog;
    this.form = dialog.querySelector("form");
    this.failure = dialog.querySelector("#settings-failure");
    this.changed = changed;
    dialog.querySelector("#sampling").append(...SAMPLING.map(numberField));
    for (const button of dialog.querySelectorAll("[data-close]")) button.addEventListener("click", () => dialog.close());
    dialog.addEventListener("close", refocus);
    dialog.querySelector("#delete-all").addEventListener("click", () => {
      if (confirm(t("delete_all_question"))) deleteAll();
    });
    this.form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.save();
    });
  }

  // conversation: its system prompt is the one that is shown.
  open(conversation, reason = "") {
    this.conversation = conversation;
    const { elements } = this.form;
    for (const name of ["theme", "language", "apiKey", "tools", "stop"]) elements[name].value = settings[name];
    elements.system.value = conversation.system;
    for (const { name } of SAMPLING) elements[name].value = settings.sampling[name] ?? "";
    this.fail(reason);
    if (!this.dialog.open) this.dialog.showModal();
    if (reason) elements.apiKey.focus();
  }

  save() {
    const { elements } = this.form;
    const failure = toolsFault(elements.tools.value) ?? samplingFault(elements);
    this.fail(failure ?? "");
    if (failure) return;
    const language = settings.language;
    for (const name of ["theme", "language", "apiKey", "tools", "stop"]) settings[name] = elements[name].value;
    settings.apiKey = settings.apiKey.trim();
    settings.system = elements.system.value.trim();
    this.conversation.system = settings.system;
    settings.sampling = {};
    for (const { name } of SAMPLING) {
      if (elements[name].value !== "") settings.sampling[name] = elements[name].valueAsNumber;
    }
    saveSettings();
    applyTheme();
    this.dialog.close();
    this.changed();
    if (settings.language !== language) location.reload();
  }

  fail(message) {
    this.failure.textContent = message;
    this.failure.hidden = !message;
  }
}

// Chromium gives the focus back while the page is still inert: a field that gets it then takes no letters.
function refocus() {
  const field = document.activeElement;
  field.blur();
  field.focus();
}

function numberField({ name, min, max, step, placeholder = "model_default" }) {
  const input = el("input", { type: "number", name, min, max, step: "any", inputmode: "decimal" });
  if (step === 1) input.step = "1";
  input.placeholder = t(placeholder);
  return el("label", {}, el("span", {}, t(name)), input);
}

function toolsFault(text) {
  if (!text.trim()) return null;
  try {
    return Array.isArray(JSON.parse(text)) ? null : t("tools_invalid", { message: "[…]" });
  } catch (error) {
    return t("tools_invalid", { message: error.message });
  }
}

function samplingFault(elements) {
  for (const { name, min, max } of SAMPLING) {
    if (!elements[name].validity.valid) return t("value_invalid", { name: t(name), min, max });
  }
  return null;
}

export function applyTheme() {
  const { theme } = settings;
  if (theme === "auto") delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = theme;
}
