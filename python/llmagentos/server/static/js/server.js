// The server's routes.

import { eventsOf } from "./event_stream.js";
import { t } from "./language.js";
import { settings } from "./settings.js";

export class ServerError extends Error {
  // wantsKey: whether the server asks for an API key.
  constructor(message, wantsKey = false) {
    super(message);
    this.wantsKey = wantsKey;
  }
}

// Names of the models that there are.
export async function listModels() {
  const response = await call("v1/models");
  return (await response.json()).data.map((model) => model.id);
}

// The metrics in Prometheus' text format.
export async function readMetrics() {
  return (await call("metrics")).text();
}

// The chunks of an answer. Throws ServerError, or AbortError after signal.
export async function* streamAnswer(request, signal) {
  const body = JSON.stringify({ ...request, stream: true, stream_options: { include_usage: true } });
  const response = await call("v1/chat/completions", { method: "POST", body, signal });
  try {
    for await (const data of eventsOf(response.body)) {
      if (data === "[DONE]") return;
      const chunk = JSON.parse(data);
      if (chunk.error) throw new ServerError(chunk.error.message);
      yield chunk;
    }
  } catch (error) {
    if (error instanceof ServerError || error.name === "AbortError") throw error;
    throw new ServerError(t("connection_ended"));
  }
  throw new ServerError(t("connection_ended"));
}

async function call(path, options = {}) {
  const headers = {};
  if (options.body) headers["Content-Type"] = "application/json";
  if (settings.apiKey) headers.Authorization = `Bearer ${settings.apiKey}`;
  let response;
  try {
    // Beside this page, wherever a proxy may have put it.
    response = await fetch(new URL(path, document.baseURI), { ...options, headers });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new ServerError(t("connection_failed"));
  }
  if (response.ok) return response;
  throw await failureOf(response);
}

async function failureOf(response) {
  let message = `${response.status} ${response.statusText}`.trim();
  let code = null;
  try {
    ({ message, code } = (await response.json()).error);
  } catch {
    // It is not the server itself that answered: the status must do.
  }
  const seconds = response.headers.get("Retry-After");
  if (seconds !== null) message = t("retry_after", { message, n: seconds });
  // A service may refuse the key that the server has for it: nobody here has another.
  return new ServerError(message, response.status === 401 && code !== "service_refused_key");
}
