// The texts of the page in the reader's language, which appearance.js has found out.

import en from "./texts/en.js";
import zh from "./texts/zh.js";

const TEXTS = { en, "zh-CN": zh };

// The text of a key; "{n}" in it becomes values.n.
export function t(key, values = {}) {
  const text = TEXTS[document.documentElement.lang][key];
  return text.replace(/\{(\w+)\}/g, (_, name) => values[name]);
}

// 1234.56 -> "1,234.6"
export function number(value, digits = 0) {
  return value.toLocaleString(document.documentElement.lang, {
    minimumFractionDigits: digits,
    maximumFractionDigits: digits,
  });
}

// Fills in elements that name their texts: data-text, data-label (for a button that shows none), data-placeholder.
export function translate(root) {
  for (const node of root.querySelectorAll("[data-text]")) node.append(t(node.dataset.text));
  for (const node of root.querySelectorAll("[data-label]")) {
    node.title = t(node.dataset.label);
    node.setAttribute("aria-label", node.title);
  }
  for (const node of root.querySelectorAll("[data-placeholder]")) node.placeholder = t(node.dataset.placeholder);
}
