// Some models think aloud first, between <think> and </think>.

const OPEN = "<think>";
const CLOSE = "</think>";

// {reasoning, answer, isThinking}; reasoning is null where there is none.
export function splitReasoning(text) {
  const start = text.trimStart();
  if (!start.startsWith(OPEN)) return { reasoning: null, answer: text, isThinking: false };
  const end = start.indexOf(CLOSE);
  if (end < 0) return { reasoning: start.slice(OPEN.length).trim(), answer: "", isThinking: true };
  const answer = start.slice(end + CLOSE.length);
  return { reasoning: start.slice(OPEN.length, end).trim(), answer: answer.trimStart(), isThinking: false };
}
