// A chart of lines over time, as SVG.

import { el, svg } from "../dom.js";
import { number, t } from "../language.js";
import { ticksUpTo } from "./ticks.js";

const [WIDTH, HEIGHT] = [360, 160];
const MINUTE = 60000; // milliseconds
const [LEFT, RIGHT, TOP, BOTTOM] = [46, 8, 8, 22];

export class Chart {
  // about: one of CHARTS.
  constructor(about) {
    this.about = about;
    this.points = [];
    this.hovered = null;
    this.legend = el("ul", { class: "legend" });
    this.plot = svg("svg", { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, role: "img", "aria-label": t(about.title) });
    this.plot.addEventListener("pointermove", (event) => this.hover(event));
    this.plot.addEventListener("pointerleave", () => this.hover(null));
    const head = el("h2", {}, t(about.title), " ", el("small", {}, t(about.unit)));
    this.node = el("section", { class: "chart" }, head, this.plot, this.legend);
  }

  // points: [{time, values}], oldest first; a value for each line, null where there is none. span: milliseconds that the
  // chart shows, up to now.
  show(points, now, span) {
    this.points = points;
    this.now = now;
    this.span = span;
    this.draw();
  }

  draw() {
    const values = this.points.flatMap((point) => point.values).filter((value) => value !== null);
    const ticks = ticksUpTo(Math.max(this.about.atLeast ?? 0, ...values));
    this.top = ticks.at(-1);
    this.step = ticks[1];
    const grid = ticks.flatMap((tick) => [
      svg("line", { class: "grid", x1: LEFT, x2: WIDTH - RIGHT, y1: this.y(tick), y2: this.y(tick) }),
      svg("text", { class: "tick", x: LEFT - 6, y: this.y(tick) + 4, "text-anchor": "end" }, shown(tick, this.step)),
    ]);
    const lines = this.about.series.flatMap((_, at) => this.line(at));
    this.plot.replaceChildren(...grid, ...this.times(), ...lines, ...this.marks());
    if (!values.length) this.plot.append(centred(t("no_data_yet")));
    this.describe();
  }

  // The points that follow one another as lines, lone ones as dots.
  line(at) {
    const runs = [[]];
    for (const { time, values } of this.points) {
      if (values[at] === null) runs.push([]);
      else runs.at(-1).push([this.x(time).toFixed(1), this.y(values[at]).toFixed(1)]);
    }
    const path = runs.filter((run) => run.length > 1).map((run) => `M${run.map((point) => point.join(" ")).join("L")}`);
    const dots = runs
      .filter((run) => run.length === 1)
      .map(([[cx, cy]]) => svg("circle", { class: `dot series-${at + 1}`, cx, cy, r: 2.5 }));
    return [svg("path", { class: `line series-${at + 1}`, d: path.join("") }), ...dots];
  }

  times() {
    const step = this.span > 2 * MINUTE ? MINUTE : MINUTE / 4;
    const labels = [];
    for (let ago = 0; ago < this.span; ago += step) {
      const text = step === MINUTE ? `${-ago / MINUTE} min` : `${-ago / 1000} s`;
      const place = { x: this.x(this.now - ago), y: HEIGHT - 6, "text-anchor": ago ? "middle" : "end" };
      labels.push(svg("text", { class: "tick", ...place }, ago ? text : "0"));
    }
    return labels;
  }

  marks() {
    const point = this.hovered;
    if (!point || !this.points.includes(point)) return [];
    const x = this.x(point.time);
    const dots = point.values.map((value, at) =>
      value === null ? null : svg("circle", { class: `dot series-${at + 1}`, cx: x, cy: this.y(value), r: 3.5 }),
    );
    return [svg("line", { class: "cross", x1: x, x2: x, y1: TOP, y2: HEIGHT - BOTTOM }), ...dots.filter(Boolean)];
  }

  // The newest values, or those under the pointer.
  describe() {
    const newestFirst = this.points.includes(this.hovered) ? [this.hovered] : this.points.toReversed();
    const entries = this.about.series.map(({ label }, at) => {
      const value = newestFirst.find((point) => point.values[at] !== null)?.values[at] ?? null;
      const text = value === null ? "–" : shown(value, Number.isInteger(value) ? this.step : this.step / 10);
      return el("li", { class: `series-${at + 1}` }, `${t(label)} `, el("b", {}, text));
    });
    this.legend.replaceChildren(...entries);
  }

  hover(event) {
    if (event === null) {
      this.hovered = null;
    } else {
      const box = this.plot.getBoundingClientRect();
      const at = ((event.clientX - box.left) / box.width) * WIDTH;
      const distance = (point) => Math.abs(this.x(point.time) - at);
      this.hovered = this.points.reduce((best, point) => (best && distance(best) <= distance(point) ? best : point), null);
    }
    this.draw();
  }

  x(time) {
    return WIDTH - RIGHT - ((this.now - time) / this.span) * (WIDTH - LEFT - RIGHT);
  }

  y(value) {
    return HEIGHT - BOTTOM - (value / this.top) * (HEIGHT - TOP - BOTTOM);
  }
}

function centred(text) {
  return svg("text", { class: "tick", x: (LEFT + WIDTH) / 2, y: HEIGHT / 2, "text-anchor": "middle" }, text);
}

// With as many digits as tell values apart that are a step from one another.
function shown(value, step) {
  return number(value, Math.max(0, Math.min(5, Math.ceil(-Math.log10(step)))));
}
