// Conversations, kept in the browser: one entry each.
//
// A conversation: {id, updated, model, system, messages}. A message is as OpenAI's API has it; an assistant's
// also has what the page shows of it: model, finish, usage, seconds, firstSeconds, error.

import { t } from "../language.js";

const PREFIX = "llmagentos.chat.";
const TITLE_LENGTH = 60;

export function newConversation(model, system) {
  const now = Date.now();
  const id = `${now.toString(36)}-${crypto.getRandomValues(new Uint32Array(1))[0].toString(36)}`;
  return { id, updated: now, model, system, messages: [] };
}

// All of them, the newest first.
export function conversations() {
  const found = [];
  try {
    for (let at = 0; at < localStorage.length; at++) {
      const key = localStorage.key(at);
      const one = key.startsWith(PREFIX) ? read(key) : null;
      if (one) found.push(one);
    }
  } catch {
    return [];
  }
  return found.sort((one, other) => other.updated - one.updated);
}

function read(key) {
  try {
    const one = JSON.parse(localStorage.getItem(key));
    return Array.isArray(one?.messages) ? one : null;
  } catch {
    return null;
  }
}

// Returns whether it could be kept.
export function keep(conversation) {
  conversation.updated = Date.now();
  try {
    localStorage.setItem(PREFIX + conversation.id, JSON.stringify(conversation));
    return true;
  } catch {
    return false;
  }
}

export function isKept(id) {
  try {
    return localStorage.getItem(PREFIX + id) !== null;
  } catch {
    return false;
  }
}

export function remove(id) {
  localStorage.removeItem(PREFIX + id);
}

// Calls `listener` when another tab has changed one.
export function onChangeElsewhere(listener) {
  addEventListener("storage", (event) => {
    if (event.key === null || event.key.startsWith(PREFIX)) listener();
  });
}

export function titleOf(conversation) {
  const first = conversation.messages.find((message) => message.role === "user");
  const line = first?.content.trim().split("\n")[0] ?? "";
  if (!line) return t("untitled");
  return line.length > TITLE_LENGTH ? `${line.slice(0, TITLE_LENGTH)}…` : line;
}
