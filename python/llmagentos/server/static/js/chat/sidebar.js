// The list of conversations. On narrow screens it lies over the page, and is shut until it is asked for.

import { el } from "../dom.js";
import { icon } from "../icons.js";
import { t } from "../language.js";
import { conversations, onChangeElsewhere, remove, titleOf } from "./history.js";

const NARROW = matchMedia("(max-width: 50rem)");

export class Sidebar {
  // actions: open(conversation), start().
  constructor(node, menuButton, backdrop, actions) {
    this.node = node;
    this.menuButton = menuButton;
    this.backdrop = backdrop;
    this.list = node.querySelector("#chats");
    this.actions = actions;
    this.currentId = null;
    menuButton.addEventListener("click", () => this.setOpen(true));
    backdrop.addEventListener("click", () => this.setOpen(false));
    node.querySelector("#close-menu").addEventListener("click", () => this.setOpen(false));
    node.querySelector("#new-chat").addEventListener("click", () => this.leave(actions.start));
    node.addEventListener("keydown", (event) => {
      if (event.key === "Escape" && this.isOpen) this.setOpen(false);
    });
    NARROW.addEventListener("change", () => this.setOpen(false));
    onChangeElsewhere(() => this.show(this.currentId));
    this.setOpen(false);
  }

  get isOpen() {
    return this.node.classList.contains("open");
  }

  setOpen(isOpen) {
    const wasOpen = this.isOpen;
    this.node.classList.toggle("open", isOpen);
    this.node.inert = NARROW.matches && !isOpen;
    this.backdrop.hidden = !isOpen;
    this.menuButton.setAttribute("aria-expanded", isOpen);
    if (isOpen) this.node.querySelector("#new-chat").focus();
    else if (wasOpen) this.menuButton.focus();
  }

  leave(action) {
    this.setOpen(false);
    action();
  }

  show(currentId) {
    this.currentId = currentId;
    this.list.replaceChildren(...conversations().map((one) => this.entry(one)));
  }

  entry(conversation) {
    const title = titleOf(conversation);
    const isCurrent = conversation.id === this.currentId;
    const open = el(
      "button",
      {
        type: "button",
        class: "chat",
        title,
        "aria-current": isCurrent ? "true" : null,
        onclick: () => this.leave(() => this.actions.open(conversation)),
      },
      title,
    );
    const label = `${t("delete")}: ${title}`;
    const drop = el(
      "button",
      { type: "button", class: "quiet", title: t("delete"), "aria-label": label, onclick: () => this.drop(conversation) },
      icon("trash"),
    );
    return el("li", {}, open, drop);
  }

  drop(conversation) {
    if (!confirm(t("delete_question", { title: titleOf(conversation) }))) return;
    remove(conversation.id);
    if (conversation.id === this.currentId) this.actions.start();
    else this.show(this.currentId);
  }
}
