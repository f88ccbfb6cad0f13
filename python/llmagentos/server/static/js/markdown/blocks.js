// From markdown text to a tree of blocks. What is not understood stays a paragraph.
//
// A block: {type, source, ...}; `source` is the text that it came from, and nothing else decides what it is.
//   {type: "code", language, text}          {type: "heading", level, text}       {type: "rule"}
//   {type: "quote", blocks}                 {type: "paragraph", text}
//   {type: "list", start, items}: start is null for bullets; an item: {blocks, isDone}, isDone null without a box
//   {type: "table", align, header, rows}: cells are texts

const MAX_DEPTH = 8; // of quotes and lists in one another
const FENCE = /^ {0,3}(`{3,}|~{3,})([^`]*)$/;
const HEADING = /^ {0,3}(#{1,6})(?=\s|$)/;
const RULE = /^ {0,3}([-*_])(?:[ \t]*\1){2,}[ \t]*$/;
const QUOTE = /^ {0,3}> ?/;
const MARKER = /^( *)([-*+]|\d{1,9}[.)])(?: +|$)/;
const BOX = /^\[([ xX])\] +/;

export function parseBlocks(text) {
  return parseLines(text.replaceAll("\r", "").replaceAll("\t", "    ").split("\n"), 0);
}

function parseLines(lines, depth) {
  const blocks = [];
  for (let at = 0; at < lines.length; ) {
    if (isBlank(lines[at])) {
      at++;
      continue;
    }
    const [block, end] = parseBlock(lines, at, depth);
    block.source = lines.slice(at, end).join("\n");
    blocks.push(block);
    at = end;
  }
  return blocks;
}

function parseBlock(lines, at, depth) {
  const line = lines[at];
  if (FENCE.test(line)) return parseCode(lines, at);
  const heading = HEADING.exec(line);
  if (heading) {
    const text = line.slice(heading[0].length).trim().replace(/(^|\s)#+$/, "");
    return [{ type: "heading", level: heading[1].length, text: text.trim() }, at + 1];
  }
  if (RULE.test(line)) return [{ type: "rule" }, at + 1];
  if (depth < MAX_DEPTH && QUOTE.test(line)) return parseQuote(lines, at, depth);
  if (depth < MAX_DEPTH && MARKER.test(line)) return parseList(lines, at, depth);
  if (isTable(lines, at)) return parseTable(lines, at);
  return parseParagraph(lines, at);
}

function parseCode(lines, at) {
  const [, fence, info] = FENCE.exec(lines[at]);
  const indent = indentOf(lines[at]);
  const text = [];
  let end = at + 1;
  for (; end < lines.length; end++) {
    const bare = lines[end].trim();
    if (bare.startsWith(fence) && bare === fence[0].repeat(bare.length)) {
      end++;
      break;
    }
    text.push(lines[end].slice(Math.min(indent, indentOf(lines[end]))));
  }
  return [{ type: "code", language: info.trim().split(/\s/)[0], text: text.join("\n") }, end];
}

function parseQuote(lines, at, depth) {
  let end = at;
  while (end < lines.length && QUOTE.test(lines[end])) end++;
  const inner = lines.slice(at, end).map((line) => line.replace(QUOTE, ""));
  return [{ type: "quote", blocks: parseLines(inner, depth + 1) }, end];
}

function parseList(lines, at, depth) {
  const first = MARKER.exec(lines[at]);
  const items = [];
  let end = at;
  while (end < lines.length) {
    const marker = MARKER.exec(lines[end]);
    // Markers of one kind, as far in as the first one: others begin a list of their own, or are inside of an item.
    if (!marker || RULE.test(lines[end]) || kindOf(marker) !== kindOf(first) || marker[1].length > first[1].length + 1)
      break;
    const [item, next] = parseItem(lines, end, marker, depth);
    items.push(item);
    end = next;
    while (end < lines.length && isBlank(lines[end]) && MARKER.test(lines[end + 1] ?? "")) end++;
  }
  const start = kindOf(first) === "number" ? Number.parseInt(first[2], 10) : null;
  return [{ type: "list", start, items }, end];
}

function parseItem(lines, at, marker, depth) {
  const outer = marker[1].length;
  const inner = [lines[at].slice(marker[0].length)];
  let end = at + 1;
  for (; end < lines.length; end++) {
    const line = lines[end];
    if (isBlank(line)) {
      // A blank line belongs to the item if an indented one follows.
      const next = lines[end + 1] ?? "";
      if (isBlank(next) || indentOf(next) < outer + 2) break;
    } else if (indentOf(line) < outer + 2 && (MARKER.test(line) || startsBlock(line) || isBlank(lines[end - 1]))) {
      break;
    }
    inner.push(line.slice(Math.min(indentOf(line), marker[0].length)));
  }
  const box = BOX.exec(inner[0]);
  if (box) inner[0] = inner[0].slice(box[0].length);
  return [{ blocks: parseLines(inner, depth + 1), isDone: box ? box[1] !== " " : null }, end];
}

function isTable(lines, at) {
  const delimiters = lines[at + 1];
  if (!lines[at].includes("|") || delimiters === undefined || !delimiters.includes("-")) return false;
  const cells = cellsOf(delimiters);
  return cells.every((cell) => /^:?-+:?$/.test(cell)) && cells.length === cellsOf(lines[at]).length;
}

function parseTable(lines, at) {
  const align = cellsOf(lines[at + 1]).map((cell) => {
    if (cell.endsWith(":")) return cell.startsWith(":") ? "center" : "right";
    return "left";
  });
  const header = cellsOf(lines[at]);
  const rows = [];
  let end = at + 2;
  for (; end < lines.length && lines[end].includes("|"); end++) {
    const cells = cellsOf(lines[end]);
    rows.push(header.map((_, column) => cells[column] ?? ""));
  }
  return [{ type: "table", align, header, rows }, end];
}

// The cells of a row; `\|` is a bar inside of one.
function cellsOf(line) {
  const cells = line.trim().split(/(?<!\\)\|/);
  if (cells[0].trim() === "") cells.shift();
  if (cells.length > 1 && cells.at(-1).trim() === "") cells.pop();
  return cells.map((cell) => cell.trim().replaceAll("\\|", "|"));
}

function parseParagraph(lines, at) {
  let end = at + 1;
  while (end < lines.length && !isBlank(lines[end]) && !startsBlock(lines[end]) && !isTable(lines, end)) end++;
  const text = lines.slice(at, end).map((line) => line.trim());
  return [{ type: "paragraph", text: text.join("\n") }, end];
}

// What ends a paragraph. A number does only if it is 1: a line may begin with a year.
function startsBlock(line) {
  const marker = MARKER.exec(line);
  if (marker && (kindOf(marker) === "bullet" || /^1\D/.test(marker[2]))) return true;
  return FENCE.test(line) || HEADING.test(line) || RULE.test(line) || QUOTE.test(line);
}

function kindOf(marker) {
  return /\d/.test(marker[2]) ? "number" : "bullet";
}

function isBlank(line) {
  return line.trim() === "";
}

function indentOf(line) {
  return line.length - line.trimStart().length;
}
