// From the text of one block to a tree of spans.
//
//   {type: "text" | "code", text}   {type: "strong" | "em" | "del", spans}   {type: "link", href, spans}   {type: "break"}

const MAX_DEPTH = 6;
const MAX_ADDRESS = 2000; // characters: texts that look like links without end cost no more than that each
const DELIMITERS = ["***", "**", "__", "~~", "*", "_"];
const TYPES = { "**": "strong", __: "strong", "~~": "del", "*": "em", _: "em" };
const ESCAPABLE = /[!-/:-@[-`{-~]/;
const WORD = /[\p{L}\p{N}]/u;
const ADDRESS = /https?:\/\/[^\s<>"`，。；：！？、（）「」『』《》【】]+/y;
const BREAK = /<br ?\/?>/iy;
const PROTOCOLS = ["http:", "https:", "mailto:"];

export function parseInline(text) {
  return new Parser(text, 0).parse();
}

class Parser {
  constructor(text, depth) {
    this.text = text;
    this.depth = depth;
    this.at = 0;
    this.spans = [];
    this.plain = "";
    this.unclosed = new Set(); // delimiters that nothing closes from here on: looked for once only
    this.brackets = null; // the place of each "[" -> that of its "]"
  }

  parse() {
    while (this.at < this.text.length) {
      if (!this.special()) this.plain += this.text[this.at++];
    }
    this.flush();
    return this.spans;
  }

  // Takes what begins here, if it is more than a letter.
  special() {
    const { text, at } = this;
    switch (text[at]) {
      case "\\":
        return ESCAPABLE.test(text[at + 1] ?? "") && this.take(2, text[at + 1]);
      case "\n":
        return this.push({ type: "break" }, at + 1);
      case "`":
        return this.code();
      case "<":
        return this.lineBreak();
      case "[":
        return this.link(at);
      case "!":
        return text[at + 1] === "[" && this.link(at + 1);
      case "h":
        return this.address();
      default:
        return "*_~".includes(text[at]) && this.emphasis();
    }
  }

  take(length, plain) {
    this.plain += plain;
    this.at += length;
    return true;
  }

  push(span, end) {
    this.flush();
    this.spans.push(span);
    this.at = end;
    return true;
  }

  flush() {
    if (this.plain) this.spans.push({ type: "text", text: this.plain });
    this.plain = "";
  }

  inner(text) {
    if (this.depth >= MAX_DEPTH) return [{ type: "text", text }];
    return new Parser(text, this.depth + 1).parse();
  }

  code() {
    const run = runAt(this.text, this.at);
    const end = this.codeEnd(this.at, run);
    if (end < 0) return this.take(run.length, run);
    let text = this.text.slice(this.at + run.length, end - run.length).replaceAll("\n", " ");
    if (text.startsWith(" ") && text.endsWith(" ") && text.trim()) text = text.slice(1, -1);
    return this.push({ type: "code", text }, end);
  }

  // Where the code that begins with `run` ends; -1 if it does not.
  codeEnd(at, run) {
    if (this.unclosed.has(run)) return -1;
    for (let close = this.text.indexOf("`", at + run.length); close >= 0; ) {
      const found = runAt(this.text, close);
      if (found.length === run.length) return close + run.length;
      close = this.text.indexOf("`", close + found.length);
    }
    this.unclosed.add(run);
    return -1;
  }

  lineBreak() {
    BREAK.lastIndex = this.at;
    const found = BREAK.exec(this.text);
    return found !== null && this.push({ type: "break" }, this.at + found[0].length);
  }

  // [text](address), and pictures, which become links to them: nothing is loaded from elsewhere.
  link(open) {
    this.brackets ??= matchBrackets(this.text);
    const close = this.brackets.get(open);
    if (close === undefined || this.text[close + 1] !== "(") return false;
    const end = closingParenthesis(this.text, close + 1);
    if (end < 0) return false;
    const href = safeAddress(this.text.slice(close + 2, end).trim().split(/\s/)[0].replace(/^<|>$/g, ""));
    if (href === null) return false;
    return this.push({ type: "link", href, spans: this.inner(this.text.slice(open + 1, close) || href) }, end + 1);
  }

  address() {
    if (/\w/.test(this.text[this.at - 1] ?? "")) return false;
    ADDRESS.lastIndex = this.at;
    const found = ADDRESS.exec(this.text)?.[0].replace(/[.,;:!?'*_~\])]+$/, "");
    const href = found && safeAddress(found);
    if (!href) return false;
    return this.push({ type: "link", href, spans: [{ type: "text", text: found }] }, this.at + found.length);
  }

  emphasis() {
    const { text, at } = this;
    const delimiter = DELIMITERS.find((one) => text.startsWith(one, at));
    if (delimiter === undefined) return false;
    const begin = at + delimiter.length;
    const opens = /\S/.test(text[begin] ?? "") && !(delimiter[0] === "_" && WORD.test(text[at - 1] ?? ""));
    const close = opens ? this.closing(delimiter, begin) : -1;
    if (close < 0) return this.take(delimiter.length, delimiter);
    const spans = this.inner(text.slice(begin, close));
    const span =
      delimiter === "***"
        ? { type: "strong", spans: [{ type: "em", spans }] }
        : { type: TYPES[delimiter], spans };
    return this.push(span, close + delimiter.length);
  }

  // Where the closing delimiter is; -1 if there is none.
  closing(delimiter, begin) {
    if (this.unclosed.has(delimiter)) return -1;
    const { text } = this;
    for (let at = begin; at < text.length; at++) {
      if (text[at] === "\\") {
        at++;
      } else if (text[at] === "`") {
        const run = runAt(text, at);
        const end = this.codeEnd(at, run);
        at = (end < 0 ? at + run.length : end) - 1;
      } else if (text[at] === delimiter[0]) {
        const run = runAt(text, at);
        const end = at + run.length;
        const fits = delimiter.length === 1 ? run.length % 2 === 1 : run.length >= delimiter.length;
        const closes = at > begin && /\S/.test(text[at - 1]) && !(delimiter[0] === "_" && WORD.test(text[end] ?? ""));
        if (fits && closes) return end - delimiter.length;
        at = end - 1;
      }
    }
    this.unclosed.add(delimiter);
    return -1;
  }
}

// The same letter as often as it stands there.
function runAt(text, at) {
  let end = at + 1;
  while (text[end] === text[at]) end++;
  return text.slice(at, end);
}

function matchBrackets(text) {
  const pairs = new Map();
  const open = [];
  for (let at = 0; at < text.length; at++) {
    if (text[at] === "\\") at++;
    else if (text[at] === "[") open.push(at);
    else if (text[at] === "]" && open.length) pairs.set(open.pop(), at);
  }
  return pairs;
}

// An address may have parentheses in it, if they match; it ends on its line.
function closingParenthesis(text, open) {
  let depth = 0;
  const end = Math.min(text.length, open + MAX_ADDRESS);
  for (let at = open; at < end && text[at] !== "\n"; at++) {
    if (text[at] === "(") depth++;
    else if (text[at] === ")" && --depth === 0) return at;
  }
  return -1;
}

// The address, if it is one that a link may lead to.
function safeAddress(address) {
  try {
    return PROTOCOLS.includes(new URL(address).protocol) ? address : null;
  } catch {
    return null;
  }
}
