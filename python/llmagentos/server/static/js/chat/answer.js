// An answer that is put together from the chunks of its stream.

export class Answer {
  // now: milliseconds, on the clock of `add`.
  constructor(model, now) {
    this.asked = now;
    this.first = null;
    this.last = null;
    this.nPieces = 0; // with text or a call in them: about as many as tokens
    this.message = { role: "assistant", content: "", model };
  }

  add(chunk, now) {
    if (chunk.usage) this.message.usage = chunk.usage;
    const choice = chunk.choices?.[0];
    if (!choice) return;
    const delta = choice.delta ?? {};
    if (delta.content || delta.tool_calls) {
      this.first ??= now;
      this.last = now;
      this.nPieces++;
    }
    if (delta.content) this.message.content += delta.content;
    for (const piece of delta.tool_calls ?? []) this.addCall(piece);
    if (choice.finish_reason) this.message.finish = choice.finish_reason;
    this.measure();
  }

  addCall({ index, id, function: named = {} }) {
    this.message.tool_calls ??= [];
    const calls = this.message.tool_calls;
    calls[index] ??= { id, type: "function", function: { name: "", arguments: "" } };
    if (named.name) calls[index].function.name = named.name;
    calls[index].function.arguments += named.arguments ?? "";
  }

  measure() {
    if (this.first === null) return;
    this.message.firstSeconds = (this.first - this.asked) / 1000;
    this.message.seconds = (this.last - this.first) / 1000;
    this.message.nPieces = this.nPieces;
  }
}

// Tokens of a message, and how fast they came after the first one: {n, perSecond, isExact}.
export function speedOf(message) {
  const n = message.usage?.completion_tokens ?? message.nPieces ?? 0;
  const perSecond = n > 1 && message.seconds > 0 ? (n - 1) / message.seconds : null;
  return { n, perSecond, isExact: message.usage !== undefined };
}
