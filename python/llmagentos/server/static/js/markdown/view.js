// Markdown on the page. While a text grows, only the blocks that changed are built anew, so that what is selected above
// stays selected.

import { copyButton } from "../copy.js";
import { el } from "../dom.js";
import { parseBlocks } from "./blocks.js";
import { parseInline } from "./inline.js";

export class MarkdownView {
  // target: the element whose children are the text's blocks.
  constructor(target) {
    this.target = target;
    this.sources = [];
  }

  update(text) {
    const blocks = parseBlocks(text);
    let same = 0;
    while (same < this.sources.length && this.sources[same] === blocks[same]?.source) same++;
    while (this.target.childNodes.length > same) this.target.lastChild.remove();
    this.target.append(...blocks.slice(same).map(blockNode));
    this.sources = blocks.map((block) => block.source);
  }
}

function blockNode(block) {
  switch (block.type) {
    case "code":
      return codeNode(block);
    case "heading":
      // The page has headings of its own above.
      return el(`h${Math.min(block.level + 2, 6)}`, {}, ...spanNodes(block.text));
    case "rule":
      return el("hr");
    case "quote":
      return el("blockquote", {}, ...block.blocks.map(blockNode));
    case "list":
      return listNode(block);
    case "table":
      return tableNode(block);
    default:
      return el("p", {}, ...spanNodes(block.text));
  }
}

function codeNode({ language, text }) {
  const bar = el("div", { class: "code-bar" }, el("span", {}, language), copyButton(() => text));
  return el("div", { class: "code" }, bar, el("pre", { tabindex: "0" }, el("code", {}, text)));
}

function listNode({ start, items }) {
  const nodes = items.map(({ blocks, isDone }) => {
    // An item's first paragraph stands beside its marker.
    const [first, ...rest] = blocks;
    const head = first?.type === "paragraph" ? spanNodes(first.text) : first ? [blockNode(first)] : [];
    const box = isDone === null ? [] : [el("input", { type: "checkbox", disabled: true, checked: isDone }), " "];
    return el("li", { class: isDone === null ? null : "task" }, ...box, ...head, ...rest.map(blockNode));
  });
  return start === null ? el("ul", {}, ...nodes) : el("ol", { start }, ...nodes);
}

function tableNode({ align, header, rows }) {
  const row = (tag, cells) =>
    el("tr", {}, ...cells.map((cell, column) => el(tag, { class: align[column] }, ...spanNodes(cell))));
  const body = el("tbody", {}, ...rows.map((cells) => row("td", cells)));
  return el("div", { class: "table", tabindex: "0" }, el("table", {}, el("thead", {}, row("th", header)), body));
}

function spanNodes(text) {
  return parseInline(text).map(spanNode);
}

function spanNode(span) {
  switch (span.type) {
    case "text":
      return span.text;
    case "break":
      return el("br");
    case "code":
      return el("code", {}, span.text);
    case "link":
      // What a model writes may lead anywhere: the other page learns nothing of this one.
      return el(
        "a",
        { href: span.href, target: "_blank", rel: "noopener noreferrer nofollow", title: span.href },
        ...span.spans.map(spanNode),
      );
    default:
      return el(span.type, {}, ...span.spans.map(spanNode));
  }
}
