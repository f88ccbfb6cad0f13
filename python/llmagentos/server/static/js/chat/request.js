// What the server is sent of a conversation: what was said, without what the page knows of it besides.

export function messagesOf(conversation) {
  const messages = [];
  if (conversation.system) messages.push({ role: "system", content: conversation.system });
  for (const message of conversation.messages) {
    const last = messages.at(-1);
    if (message.role === "user" && last?.role === "user") {
      // An answer between them failed: models are made for turns that alternate.
      last.content += `\n\n${message.content}`;
    } else if (message.role === "assistant") {
      const said = assistantMessage(message);
      if (said) messages.push(said);
    } else if (message.role === "tool") {
      messages.push({ role: "tool", tool_call_id: message.tool_call_id, content: message.content });
    } else {
      messages.push({ role: "user", content: message.content });
    }
  }
  return messages;
}

// null for one that failed before it said anything. Calls that were cut are left out.
function assistantMessage({ content, tool_calls: calls = [] }) {
  const whole = calls.filter((call) => isObject(call.function.arguments));
  if (whole.length) return { role: "assistant", content, tool_calls: whole };
  return content ? { role: "assistant", content } : null;
}

function isObject(text) {
  try {
    const value = JSON.parse(text);
    return typeof value === "object" && value !== null && !Array.isArray(value);
  } catch {
    return false;
  }
}

// Calls of the newest answer that wait for their results.
export function openCalls(conversation) {
  const last = conversation.messages.at(-1);
  if (last?.role !== "assistant" || last.error) return [];
  return (last.tool_calls ?? []).filter((call) => isObject(call.function.arguments));
}
