// The metrics at one time, and what two of them say of the time between.

import { parseMetrics } from "./prometheus.js";

export class Snapshot {
  // time: milliseconds.
  constructor(text, time) {
    this.time = time;
    this.samples = parseMetrics(text);
  }

  models() {
    return [...new Set(this.samples.map((sample) => sample.labels.model).filter(Boolean))].sort();
  }

  // The samples of a metric; of one model, unless model is "". Metrics that are of no model are of all.
  of(name, model) {
    return this.samples.filter(
      (sample) =>
        sample.name === name && (!model || sample.labels.model === undefined || sample.labels.model === model),
    );
  }

  // The sum of a metric's samples that `fits` takes; null where there is none.
  sum(name, model, fits = () => true) {
    const found = this.of(name, model).filter(fits);
    return found.length ? found.reduce((total, sample) => total + sample.value, 0) : null;
  }
}

// How fast a counter rose, per second; null where it cannot be said. One that fell began anew with the server.
export function rate(before, after, name, model, fits) {
  const [from, to] = [before.sum(name, model, fits) ?? 0, after.sum(name, model, fits)];
  const seconds = (after.time - before.time) / 1000;
  return to === null || seconds <= 0 ? null : (to >= from ? to - from : to) / seconds;
}

// A quantile of what a histogram counted between the two, by linear interpolation in its bucket; null where it counted
// nothing.
export function quantile(before, after, name, model, share) {
  const counts = new Map(); // upper bound -> how many were at most that
  for (const { labels, value } of after.of(`${name}_bucket`, model)) addTo(counts, labels.le, value);
  for (const { labels, value } of before.of(`${name}_bucket`, model)) addTo(counts, labels.le, -value);
  const buckets = [...counts].sort(([one], [other]) => one - other);
  const total = buckets.at(-1)?.[1] ?? 0;
  if (total <= 0) return null;
  let [lower, below] = [0, 0];
  for (const [upper, count] of buckets) {
    if (count >= share * total) {
      if (upper === Infinity || count === below) return lower;
      return lower + ((share * total - below) / (count - below)) * (upper - lower);
    }
    [lower, below] = [upper, count];
  }
  return lower;
}

function addTo(counts, bound, value) {
  const upper = bound === "+Inf" ? Infinity : Number(bound);
  counts.set(upper, (counts.get(upper) ?? 0) + value);
}
