// The server's routes.

import { eventsOf } from "./event_stream.js";
import { t } from "./language.js";
import { settings } from "./settings.js";

export class ServerError extends Error {
  // status: of HTTP; 0 where there was no answer, or where it broke off.
  constructor(message, status) {
    super(message);
    this.status = status;
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
      if (chunk.error) throw new ServerError(chunk.error.message, 0);
      yield chunk;
    }
  } catch (error) {
    if (error instanceof ServerError || error.name === "AbortError") throw error;
    throw new ServerError(t("connection_ended"), 0);
  }
  throw new ServerError(t("connection_ended"), 0);
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
    throw new ServerError(t("connection_failed"), 0);
  }
  if (response.ok) return response;
  throw new ServerError(await failureOf(response), response.status);
}

async function failureOf(response) {
  let message = `${response.status} ${response.statusText}`.trim();
  try {
    message = (await response.json()).error.message;
  } catch {
    // It is not the server itself that answered: the status must do.
  }
  const seconds = response.headers.get("Retry-After");
  return seconds === null ? message : t("retry_after", { message, n: seconds });
}
