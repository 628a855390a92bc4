// Small charts of metrics and stances, with the value at the selected step.

import uPlot from "uplot";
import type { App, Run } from "./data";
import { h } from "./dom";
import { count } from "./words";

/** The largest numbers of charts, and of lines in one chart. */
const CHARTS = 60;
const LINES = 12;

/** A named series, with every value also as the text of the table. */
interface Line {
  name: string;
  side: number;
  values: (number | null)[];
  texts: (string | undefined)[];
}

function series(run: Run, side: number, steps: number): Map<string, Line> {
  const found = new Map<string, Line>();
  const at = run.series.numbers("step").map((step) => step + run.offset);
  const values = run.series.numbers("value");
  for (let row = 0; row < run.series.shown; row++) {
    const name = run.series.cell("name", row);
    let line = found.get(name);
    if (!line) found.set(name, (line = { name, side, values: new Array<number | null>(steps).fill(null), texts: [] }));
    const value = values[row]!;
    line.values[at[row]!] = Number.isFinite(value) ? value : null;
    line.texts[at[row]!] = run.series.cell("value", row);
  }
  return found;
}

function stanceLines(run: Run, side: number, issue: number, steps: number): Line[] {
  const actors = run.data.model.actors.slice(0, LINES);
  return actors.map(([id, name], at) => {
    const line: Line = { name: name ?? id, side, values: new Array<number | null>(steps).fill(null), texts: [] };
    for (const [step, issues] of run.data.history.stances.steps) {
      const text = issues[issue]![at]!;
      line.values[step] = Number(text);
      line.texts[step] = text;
    }
    return line;
  });
}

const PALETTE = ["#0969da", "#bc4c00", "#1a7f37", "#8250df", "#cf222e", "#0a7d91", "#9a6700", "#bf3989", "#57606a", "#3b5bdb", "#5c7a00", "#a04b7a"];
const DARK_PALETTE = ["#58a6ff", "#f0883e", "#3fb950", "#bc8cff", "#ff7b72", "#39c5cf", "#d29922", "#f778ba", "#8b949e", "#91a7ff", "#a9c52f", "#e599c5"];

/** All charts of one run, or of two in the same frames. */
export function chartsView(app: App, runs: Run[], names: string[]): HTMLElement {
  const box = h("div", { class: "charts" });
  const all = runs.map((run, side) => series(run, side, app.steps));
  const metrics = [...new Set(all.flatMap((one) => [...one.keys()]))];
  const shown = metrics.slice(0, CHARTS);
  for (const metric of shown) {
    const lines = all.map((one) => one.get(metric)).filter((line) => line !== undefined);
    box.append(chart(app, runs, metric, lines, names));
  }
  const run = runs[0]!;
  run.data.history.stances.issues.forEach((issue, at) => {
    if (run.data.history.stances.steps.length === 0) return;
    const title = run.data.history.stances.issues.length > 1 ? `stances on ${issue}` : "stances";
    runs.forEach((one, side) => box.append(chart(app, runs, runs.length > 1 ? `${title}, ${names[side]!}` : title, stanceLines(one, side, at, app.steps), [])));
  });
  const notes: string[] = [];
  if (metrics.length > shown.length) notes.push(`${count(metrics.length - shown.length, "other metric")} are not drawn; series.csv has them.`);
  if (run.data.model.actors.length > LINES) notes.push(`Of ${run.data.model.actors.length} actors the stances of the first ${LINES} are drawn.`);
  if (run.series.rows > run.series.shown) notes.push(`The last ${count(run.series.rows - run.series.shown, "row")} of series.csv are left out.`);
  if (box.childElementCount === 0) return h("p", { class: "note" }, "The scenario samples no metric.");
  return h("div", {}, box, notes.length > 0 && h("p", { class: "note" }, notes.join(" ")));
}

function chart(app: App, runs: Run[], title: string, lines: Line[], names: string[]): HTMLElement {
  const place = h("div", { class: "plot", "aria-hidden": "true" });
  const legend = h("ul", { class: "values" });
  const values = lines.length > 4 ? h("details", {}, h("summary", {}, `${lines.length} lines and their values`), legend) : legend;
  const figure = h("figure", { class: "chart" }, h("figcaption", {}, title), place, values);
  const steps = Array.from({ length: app.steps }, (_, at) => at);
  let plot: uPlot | undefined;
  const colour = () => {
    const palette = getComputedStyle(document.documentElement).getPropertyValue("--dark").trim() === "1" ? DARK_PALETTE : PALETTE;
    legend.querySelectorAll<HTMLElement>(".swatch").forEach((swatch, at) => (swatch.style.borderTopColor = palette[at % palette.length]!));
  };
  const draw = () => {
    plot?.destroy();
    const style = getComputedStyle(document.documentElement);
    const dark = style.getPropertyValue("--dark").trim() === "1";
    const palette = dark ? DARK_PALETTE : PALETTE;
    const ink = style.getPropertyValue("--muted").trim();
    const grid = { stroke: style.getPropertyValue("--rule").trim(), width: 1 };
    const options: uPlot.Options = {
      width: Math.max(220, place.clientWidth || 300),
      height: 130,
      legend: { show: false },
      cursor: { drag: { setScale: false, x: false, y: false }, points: { show: false }, y: false },
      scales: { x: { time: false }, y: { range: spread } },
      axes: [
        { stroke: ink, grid, ticks: grid, size: 24, font: "11px system-ui", values: (_, ticks) => ticks.map((tick) => (Number.isInteger(tick) ? shortLabel(runs[0]!, tick) : "")), space: 80 },
        { stroke: ink, grid, ticks: grid, size: 52, font: "11px system-ui", values: (_, ticks) => ticks.map((tick) => Intl.NumberFormat("en", { notation: "compact", maximumSignificantDigits: 4 }).format(tick)) },
      ],
      series: [{}, ...lines.map((_, at) => ({ stroke: palette[at % palette.length]!, width: 2, dash: dash(at), spanGaps: true, points: { show: app.steps === 1 } }))],
      hooks: { draw: [(self) => line(self, app.state.step, style.getPropertyValue("--accent").trim())] },
    };
    plot = new uPlot(options, [steps, ...lines.map((one) => one.values)], place);
    colour();
    plot.over.addEventListener("click", () => {
      const at = plot?.cursor.idx;
      if (at !== undefined && at !== null) app.change({ step: at, playing: false });
    });
  };
  app.watch((state, before) => {
    if (state.step === before.step && legend.childElementCount > 0) return;
    legend.replaceChildren(...lines.map((one, at) => {
      const name = names.length > 1 ? names[one.side]! : one.name;
      const value = one.texts[state.step] ?? "\u2013";
      return h("li", {}, h("span", { class: `swatch dash-${at % 3}` }), lines.length > 1 ? `${name}: ` : "", h("b", {}, value));
    }));
    colour();
    plot?.redraw(false);
  });
  redrawn.push({ place, draw });
  return figure;
}

/** The range of an axis: a little more than that of the values; uPlot would use 0 to 100 for a constant line at 0. */
function spread(_: uPlot, low: number | null, high: number | null): [number, number] {
  if (low === null || high === null) return [0, 1];
  if (low === high) return low === 0 ? [-0.1, 1] : [low - Math.abs(low) * 0.5, low + Math.abs(low) * 0.5];
  const edge = (high - low) * 0.06;
  return [low - edge, high + edge];
}

/** Dash patterns, so that lines can be distinguished without colours, and when a colour is used twice. */
function dash(at: number): number[] {
  return [[], [6, 3], [2, 3]][at % 3]!;
}

function shortLabel(run: Run, step: number): string {
  const date = run.data.dates[step];
  return date ? date.slice(5, 16).replace("T", " ") : String(step);
}

function line(plot: uPlot, step: number, color: string): void {
  const x = Math.round(plot.valToPos(step, "x", true));
  const { ctx, bbox } = plot;
  ctx.save();
  ctx.strokeStyle = color;
  ctx.lineWidth = 2;
  ctx.beginPath();
  ctx.moveTo(x, bbox.top);
  ctx.lineTo(x, bbox.top + bbox.height);
  ctx.stroke();
  ctx.restore();
}

const redrawn: { place: HTMLElement; draw: () => void }[] = [];

/** Draws all charts once they are in the page, and again when their size changes. */
export function drawCharts(): void {
  for (const { draw } of redrawn) draw();
}

