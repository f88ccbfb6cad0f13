// What the reader has chosen, kept in the browser. appearance.js reads the same entry.

const KEY = "llmagentos.settings";

// Sampling that can be set, as the server names it. A field that is left empty is not sent: the model's own value counts.
export const SAMPLING = [
  { name: "temperature", min: 0, max: 2, step: 0.1 },
  { name: "top_p", min: 0, max: 1, step: 0.05 },
  { name: "top_k", min: 0, max: 1000000, step: 1 },
  { name: "min_p", min: 0, max: 1, step: 0.01 },
  { name: "repetition_penalty", min: 0, max: 10, step: 0.05 },
  { name: "presence_penalty", min: -2, max: 2, step: 0.1 },
  { name: "frequency_penalty", min: -2, max: 2, step: 0.1 },
  { name: "max_tokens", min: 1, max: 1000000, step: 1, placeholder: "no_limit" },
  { name: "seed", min: 0, max: Number.MAX_SAFE_INTEGER, step: 1, placeholder: "seed_random" },
];

const DEFAULTS = {
  theme: "auto",
  language: "auto",
  apiKey: "",
  model: "",
  system: "",
  tools: "",
  stop: "",
  sampling: { max_tokens: 1024 }, // small models may repeat themselves without end
};

function readSettings() {
  try {
    return { ...DEFAULTS, ...JSON.parse(localStorage.getItem(KEY)) };
  } catch {
    return { ...DEFAULTS };
  }
}

export const settings = readSettings();

export function saveSettings() {
  try {
    localStorage.setItem(KEY, JSON.stringify(settings));
  } catch {
    // They hold until the page is closed.
  }
}

// The part of a request that they decide.
export function requestFields() {
  const fields = { ...settings.sampling };
  const stop = settings.stop.split("\n").filter((text) => text !== "");
  if (stop.length) fields.stop = stop;
  if (settings.tools.trim()) fields.tools = JSON.parse(settings.tools);
  return fields;
}
