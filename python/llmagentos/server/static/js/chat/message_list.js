// The messages of a conversation, and the greeting where there are none yet.

import { el } from "../dom.js";
import { t } from "../language.js";
import { AssistantView, userView } from "./message_view.js";
import { openCalls } from "./request.js";
import { resultForm, resultView } from "./tool_view.js";

const NEAR_END = 80; // pixels: whoever is as near to the end is taken along

export class MessageList {
  // scroller: the element that scrolls. actions: regenerate(), edit(at, text), sendResults(texts).
  constructor(scroller, toEnd, actions) {
    this.scroller = scroller;
    this.list = scroller.querySelector("#messages");
    this.toEnd = toEnd;
    this.actions = actions;
    this.running = null;
    this.frame = 0;
    scroller.addEventListener("scroll", () => this.showToEnd());
    toEnd.addEventListener("click", () => this.scrollToEnd());
  }

  // Draws all of it. A running answer, if there is one, is the last message.
  show(conversation, isRunning) {
    cancelAnimationFrame(this.frame);
    this.frame = 0;
    this.running = null;
    const { messages } = conversation;
    const names = new Map();
    const nodes = messages.map((message, at) => {
      for (const call of message.tool_calls ?? []) names.set(call.id, call.function.name);
      if (message.role === "user") return userView(message, isRunning ? null : (text) => this.actions.edit(at, text));
      if (message.role === "tool") return resultView(message, names.get(message.tool_call_id));
      return this.assistantNode(message, at === messages.length - 1, isRunning);
    });
    const calls = isRunning ? [] : openCalls(conversation);
    if (calls.length) nodes.push(resultForm(calls, this.actions.sendResults));
    this.list.replaceChildren(...(nodes.length ? nodes : [greeting()]));
    this.showToEnd();
  }

  assistantNode(message, isLast, isRunning) {
    const view = new AssistantView(message);
    view.update(message, isLast && isRunning);
    if (isLast && isRunning) this.running = view;
    else if (isLast) view.addRegenerate(this.actions.regenerate);
    return view.node;
  }

  // More of the running answer: drawn once a frame, however many tokens came.
  grow(message) {
    if (this.frame) return;
    this.frame = requestAnimationFrame(() => {
      this.frame = 0;
      const follows = this.isNearEnd();
      this.running?.update(message, true);
      if (follows) this.scrollToEnd();
      else this.showToEnd();
    });
  }

  editLast() {
    const users = this.list.querySelectorAll(".message.user");
    users[users.length - 1]?.dispatchEvent(new Event("edit-message"));
  }

  isNearEnd() {
    const { scrollHeight, scrollTop, clientHeight } = this.scroller;
    return scrollHeight - scrollTop - clientHeight < NEAR_END;
  }

  scrollToEnd() {
    this.scroller.scrollTop = this.scroller.scrollHeight;
    this.showToEnd();
  }

  showToEnd() {
    this.toEnd.hidden = this.isNearEnd();
  }
}

function greeting() {
  return el("div", { class: "greeting" }, el("h1", {}, t("greeting")), el("p", {}, t("greeting_more")));
}
