// The page: a conversation, and what happens to it.

import { Answer } from "./chat/answer.js";
import { Composer } from "./chat/composer.js";
import { conversations, isKept, keep, newConversation, remove, titleOf } from "./chat/history.js";
import { listenToKeys } from "./chat/keys.js";
import { MessageList } from "./chat/message_list.js";
import { ModelPicker } from "./chat/model_picker.js";
import { messagesOf, openCalls } from "./chat/request.js";
import { SettingsDialog } from "./chat/settings_dialog.js";
import { Sidebar } from "./chat/sidebar.js";
import { drawIcons } from "./icons.js";
import { t, translate } from "./language.js";
import { streamAnswer } from "./server.js";
import { requestFields, saveSettings, settings } from "./settings.js";

const find = (selector) => document.querySelector(selector);
translate(document);
drawIcons(document);

let conversation = newConversation(settings.model, settings.system);
let running = null; // the AbortController of the answer under way

const list = new MessageList(find("#scroller"), find("#to-end"), { regenerate, edit, sendResults });
const composer = new Composer(find("#composer"), { send, stop, editLast: () => list.editLast() });
const sidebar = new Sidebar(find("#sidebar"), find("#menu"), find("#backdrop"), { open, start });
const picker = new ModelPicker(find("#model"), chooseModel);
const dialog = new SettingsDialog(find("#settings"), { changed: settingsChanged, deleteAll });
find("#open-settings").addEventListener("click", openSettings);
listenToKeys({ start, stop, openSettings, focus: () => composer.focus() });
addEventListener("pagehide", keepRunning);
show();
let loading = loadModels();

function show() {
  document.title = conversation.messages.length ? `${titleOf(conversation)} · llmagentos` : "llmagentos";
  list.show(conversation, running !== null);
  sidebar.show(conversation.id);
  composer.setAnswering(running !== null);
  find("#status").textContent = running ? t("answering") : "";
}

function open(other) {
  stop();
  running = null;
  conversation = other;
  picker.choose(conversation.model);
  notice("");
  show();
  list.scrollToEnd();
  composer.focus();
}

function start() {
  open(newConversation(picker.value, settings.system));
}

function send(text) {
  conversation.messages.push({ role: "user", content: text });
  answer();
}

function sendResults(texts) {
  const results = openCalls(conversation).map((call, at) => ({
    role: "tool",
    tool_call_id: call.id,
    content: texts[at],
  }));
  conversation.messages.push(...results);
  answer();
}

function regenerate() {
  conversation.messages.pop();
  answer();
}

function edit(at, text) {
  conversation.messages.splice(at, Infinity, { role: "user", content: text });
  answer();
}

function stop() {
  running?.abort();
}

// Asks for an answer to the conversation as it is, and shows it while it comes. It may be left for another meanwhile.
async function answer() {
  const asked = conversation;
  const control = new AbortController();
  asked.model = picker.value || asked.model;
  const request = { messages: messagesOf(asked), ...requestFields() };
  const answering = new Answer(asked.model, performance.now());
  const { message } = answering;
  asked.messages.push(message);
  running = control;
  store(asked);
  show();
  list.scrollToEnd();
  try {
    await loading; // whoever writes at once is faster than the list of models
    request.model = asked.model = message.model = picker.value || asked.model;
    for await (const chunk of streamAnswer(request, control.signal)) {
      answering.add(chunk, performance.now());
      if (conversation === asked) list.grow(message);
    }
  } catch (error) {
    if (error.name === "AbortError") message.finish = "stopped";
    else message.error = error.message;
    if (error.wantsKey) dialog.open(asked, t("api_key_wanted"));
  }
  if (isKept(asked.id)) store(asked); // unless it was deleted meanwhile
  if (running === control) running = null;
  if (conversation !== asked) return;
  const follows = list.isNearEnd();
  show();
  if (follows) list.scrollToEnd();
}

// The page is left: what there is of an answer stays.
function keepRunning() {
  if (!running) return;
  conversation.messages.at(-1).finish = "stopped";
  keep(conversation);
}

function store(one) {
  if (!keep(one)) notice(t("not_kept"));
}

function chooseModel(model) {
  settings.model = model;
  conversation.model = model;
  saveSettings();
}

async function loadModels() {
  try {
    await picker.load();
    picker.choose(settings.model);
    picker.choose(conversation.model);
    notice("");
  } catch (error) {
    if (error.wantsKey) dialog.open(conversation, t("api_key_wanted"));
    notice(t("load_failed", { message: error.message }));
  }
}

function openSettings() {
  dialog.open(conversation);
}

function settingsChanged() {
  if (conversation.messages.length) store(conversation);
  loading = loadModels();
}

function deleteAll() {
  for (const one of conversations()) remove(one.id);
  start();
}

function notice(text) {
  find("#notice").textContent = text;
  find("#notice").hidden = !text;
}
