// Which charts there are, and how each of their lines comes from two snapshots.

import { quantile, rate } from "./snapshot.js";

const P = "llmagentos_";

const gauge = (name) => (_, after, model) => after.sum(P + name, model);
const perSecond = (name, fits) => (before, after, model) => rate(before, after, P + name, model, fits);
const share = (name, part) => (before, after, model) => quantile(before, after, P + name, model, part);

const times = (name) => [
  { label: "series_median", value: share(name, 0.5) },
  { label: "series_p95", value: share(name, 0.95) },
];

const isError = ({ labels }) => Number(labels.status) >= 400;

function computed(before, after, model) {
  const all = rate(before, after, `${P}prompt_tokens_total`, model);
  return all === null ? null : Math.max(0, all - (rate(before, after, `${P}prompt_tokens_cached_total`, model) ?? 0));
}

// title, unit and label are keys of texts. The axis reaches to atLeast, so that counts have no fractions.
export const CHARTS = [
  {
    title: "chart_tokens",
    unit: "unit_tokens_per_second",
    series: [{ label: "series_generated", value: perSecond("generated_tokens_total") }],
  },
  {
    title: "chart_requests",
    unit: "unit_requests",
    atLeast: 4,
    series: [
      { label: "series_running", value: gauge("requests_running") },
      { label: "series_waiting", value: gauge("requests_waiting") },
    ],
  },
  { title: "chart_first_token", unit: "unit_seconds", series: times("time_to_first_token_seconds") },
  { title: "chart_inter_token", unit: "unit_seconds", series: times("inter_token_seconds") },
  {
    title: "chart_cache",
    unit: "unit_tokens_per_second",
    series: [
      { label: "series_computed", value: computed },
      { label: "series_cached", value: perSecond("prompt_tokens_cached_total") },
    ],
  },
  {
    title: "chart_kv",
    unit: "unit_blocks",
    atLeast: 4,
    series: [
      { label: "series_used", value: gauge("kv_blocks_used") },
      { label: "series_reusable", value: gauge("kv_blocks_cached") },
    ],
  },
  { title: "chart_queue", unit: "unit_seconds", series: times("queue_seconds") },
  {
    title: "chart_responses",
    unit: "unit_per_second",
    series: [
      { label: "series_ok", value: perSecond("http_requests_total", (sample) => !isError(sample)) },
      { label: "series_error", value: perSecond("http_requests_total", isError) },
    ],
  },
];
