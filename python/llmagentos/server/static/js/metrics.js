// The page of metrics: charts that grow while they are looked at.

import { el } from "./dom.js";
import { drawIcons } from "./icons.js";
import { t, translate } from "./language.js";
import { Chart } from "./metrics/chart.js";
import { CHARTS } from "./metrics/charts.js";
import { Snapshot } from "./metrics/snapshot.js";
import { readMetrics } from "./server.js";
import { saveSettings, settings } from "./settings.js";

const SECONDS = 2; // between two looks
const MINUTES = 5; // that charts show at most
const [MIN_SPAN, MAX_SPAN] = [60000, MINUTES * 60000]; // milliseconds

const find = (selector) => document.querySelector(selector);
translate(document);
drawIcons(document);
document.title = `${t("metrics")} · llmagentos`;
find("#updated").append(t("updated", { n: SECONDS, minutes: MINUTES }));

const charts = CHARTS.map((about) => new Chart(about));
find("#charts").append(...charts.map((chart) => chart.node));
const snapshots = [];
let isPaused = false;

find("#model").addEventListener("change", draw);
find("#pause").addEventListener("click", () => {
  isPaused = !isPaused;
  find("#pause").textContent = t(isPaused ? "resume" : "pause");
});
find("#key").addEventListener("submit", (event) => {
  event.preventDefault();
  settings.apiKey = find("#key input").value.trim();
  saveSettings();
  look();
});
watch();

async function watch() {
  for (;;) {
    // A page that nobody sees asks for nothing.
    if (!isPaused && !document.hidden) await look();
    await new Promise((done) => setTimeout(done, SECONDS * 1000));
  }
}

async function look() {
  try {
    const text = await readMetrics();
    const now = Date.now();
    snapshots.push(new Snapshot(text, now));
    while (now - snapshots[0].time > MAX_SPAN + SECONDS * 1000) snapshots.shift();
    find("#key").hidden = true;
    notice("");
    listModels();
    draw();
  } catch (error) {
    find("#key").hidden = !error.wantsKey;
    notice(error.wantsKey ? t("api_key_wanted") : t("metrics_failed", { message: error.message }));
  }
}

function listModels() {
  const select = find("#model");
  const names = snapshots.at(-1).models();
  if ([...select.options].slice(1).map((option) => option.value).join("\n") === names.join("\n")) return;
  const chosen = select.value;
  select.replaceChildren(
    el("option", { value: "" }, t("all_models")),
    ...names.map((name) => el("option", { value: name }, name)),
  );
  select.value = names.includes(chosen) ? chosen : "";
}

function draw() {
  const model = find("#model").value;
  const now = snapshots.at(-1)?.time ?? Date.now();
  const span = Math.min(MAX_SPAN, Math.max(MIN_SPAN, now - (snapshots[1]?.time ?? now)));
  CHARTS.forEach(({ series }, at) => {
    const points = snapshots.slice(1).map((after, before) => ({
      time: after.time,
      values: series.map(({ value }) => value(snapshots[before], after, model)),
    }));
    charts[at].show(points, now, span);
  });
}

function notice(text) {
  find("#notice").textContent = text;
  find("#notice").hidden = !text;
}
