// The list of the server's models.

import { el } from "../dom.js";
import { t } from "../language.js";
import { listModels } from "../server.js";

export class ModelPicker {
  // changed(model): called when the reader has chosen another one.
  constructor(select, changed) {
    this.select = select;
    select.addEventListener("change", () => changed(select.value));
  }

  get value() {
    return this.select.value;
  }

  // Asks the server. Throws ServerError.
  async load() {
    const names = await listModels();
    const options = names.map((name) => el("option", { value: name }, name));
    this.select.replaceChildren(...(options.length ? options : [el("option", { value: "" }, t("no_models"))]));
  }

  // Chooses a model if it is there, else leaves the choice as it is.
  choose(model) {
    if ([...this.select.options].some((option) => option.value === model)) this.select.value = model;
  }
}
