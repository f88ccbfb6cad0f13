// One message on the page.

import { copyButton } from "../copy.js";
import { el } from "../dom.js";
import { icon } from "../icons.js";
import { number, t } from "../language.js";
import { MarkdownView } from "../markdown/view.js";
import { speedOf } from "./answer.js";
import { splitReasoning } from "./reasoning.js";
import { callView } from "./tool_view.js";

export class AssistantView {
  constructor(message) {
    this.message = message;
    this.thoughts = el("div", { class: "markdown" });
    this.summary = el("summary", {}, t("reasoning"));
    this.reasoning = el("details", { class: "reasoning", hidden: true }, this.summary, this.thoughts);
    this.text = el("div", { class: "markdown" });
    this.calls = el("div", { class: "calls" });
    this.note = el("p", { class: "note", hidden: true });
    this.facts = el("span", { class: "facts" });
    this.actions = el("div", { class: "actions" }, copyButton(() => splitReasoning(this.message.content).answer));
    this.node = el(
      "article",
      { class: "message assistant", "aria-label": message.model },
      this.reasoning,
      this.text,
      this.calls,
      this.note,
      el("footer", {}, this.actions, this.facts),
    );
    this.markdown = new MarkdownView(this.text);
    this.thinking = new MarkdownView(this.thoughts);
  }

  // isRunning: whether more is to come.
  update(message, isRunning) {
    this.message = message;
    const { reasoning, answer, isThinking } = splitReasoning(message.content);
    this.reasoning.hidden = reasoning === null;
    this.summary.classList.toggle("busy", isRunning && isThinking);
    if (reasoning !== null) this.thinking.update(reasoning);
    this.markdown.update(answer);
    this.calls.replaceChildren(...(message.tool_calls ?? []).map(callView));
    this.node.classList.toggle("running", isRunning);
    this.node.setAttribute("aria-busy", isRunning);
    this.facts.replaceChildren(...factsOf(message));
    const note = noteOf(message);
    this.note.hidden = note === null;
    this.note.classList.toggle("error", message.error !== undefined);
    this.note.textContent = note ?? "";
  }

  // The newest answer can be had once more.
  addRegenerate(regenerate) {
    this.actions.append(actionButton("retry", "regenerate", regenerate));
  }
}

function noteOf({ error, finish }) {
  if (error !== undefined) return t("answer_failed", { message: error });
  if (finish === "length") return t("cut_at_length");
  if (finish === "timeout") return t("timed_out");
  return finish === "stopped" ? t("stopped") : null;
}

// Counts and times of an answer. Pieces of a stream are about as many as tokens, until the server has counted them.
function factsOf(message) {
  const { n, perSecond, isExact } = speedOf(message);
  if (n === 0) return [];
  const about = isExact ? "" : "~";
  const texts = [message.model, about + t("tokens", { n: number(n) })];
  if (perSecond !== null) texts.push(about + t("tokens_per_second", { n: number(perSecond, 1) }));
  if (message.firstSeconds !== undefined) texts.push(t("first_token", { n: number(message.firstSeconds, 2) }));
  if (message.usage) texts.push(promptFact(message.usage));
  return texts.map((text) => el("span", {}, text));
}

function promptFact(usage) {
  const cached = usage.prompt_tokens_details?.cached_tokens ?? 0;
  const text = t("prompt_tokens", { n: number(usage.prompt_tokens) });
  return cached ? `${text} (${t("cached", { n: number(cached) })})` : text;
}

// edit: called with the new text; null where the message cannot be edited now.
export function userView(message, edit) {
  const text = el("div", { class: "said" }, message.content);
  const node = el("article", { class: "message user", "aria-label": t("you") }, text);
  const show = () => node.replaceChildren(text, footer);
  const begin = () => node.replaceChildren(editForm(message.content, edit, show));
  const actions = el("div", { class: "actions" }, copyButton(() => message.content));
  if (edit) actions.append(actionButton("edit", "edit", begin));
  const footer = el("footer", {}, actions);
  node.append(footer);
  node.addEventListener("edit-message", () => edit && begin());
  return node;
}

function editForm(content, save, cancel) {
  const area = el("textarea", { rows: 3, "aria-label": t("edit") });
  area.value = content;
  const submit = (event) => {
    event.preventDefault();
    if (area.value.trim()) save(area.value);
  };
  const form = el(
    "form",
    { class: "edit", onsubmit: submit },
    area,
    el("p", { class: "help" }, t("edit_drops_rest")),
    el(
      "div",
      { class: "buttons" },
      el("button", { type: "button", onclick: cancel }, t("cancel")),
      el("button", { class: "primary" }, t("send")),
    ),
  );
  area.addEventListener("keydown", (event) => {
    if (event.key === "Escape") {
      event.stopPropagation();
      cancel();
    } else if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) {
      submit(event);
    }
  });
  // Once it is on the page.
  queueMicrotask(() => area.focus());
  return form;
}

function actionButton(name, label, onclick) {
  return el("button", { type: "button", class: "quiet", title: t(label), "aria-label": t(label), onclick }, icon(name));
}
