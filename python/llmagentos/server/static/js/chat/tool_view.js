// Calls of tools, their results, and the form in which results are written.

import { el } from "../dom.js";
import { icon } from "../icons.js";
import { t } from "../language.js";

// A call as the model makes it.
export function callView(call) {
  const { name, arguments: text } = call.function;
  return el(
    "section",
    { class: "call" },
    el("h3", {}, icon("tool"), t("tool_called", { name })),
    el("pre", { tabindex: "0", "aria-label": t("arguments") }, el("code", {}, laidOut(text))),
  );
}

// What a call gave.
export function resultView(message, name) {
  return el(
    "details",
    { class: "message result", open: true },
    el("summary", {}, t("tool_result", { name })),
    el("pre", { tabindex: "0" }, el("code", {}, laidOut(message.content))),
  );
}

// send: called with a text for each call.
export function resultForm(calls, send) {
  const areas = calls.map(() => el("textarea", { rows: 2, required: true }));
  const fields = calls.map((call, at) =>
    el("label", {}, el("span", {}, t("tool_result", { name: call.function.name })), areas[at]),
  );
  const submit = (event) => {
    event.preventDefault();
    send(areas.map((area) => area.value));
  };
  const buttons = el("div", { class: "buttons" }, el("button", { class: "primary" }, t("send_results")));
  return el("form", { class: "results", onsubmit: submit }, ...fields, buttons);
}

// JSON with a member a line; while it is incomplete, or is none, as it is.
function laidOut(text) {
  try {
    const value = JSON.parse(text);
    return typeof value === "object" ? JSON.stringify(value, null, 2) : text;
  } catch {
    return text;
  }
}
