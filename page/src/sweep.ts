// The page of a sweep: shares along a name, a heat map over two, distributions, storylines, the points as a table.

import { Table, type SweepData } from "./data";
import { button, frameWidth, h, panel, roving, s, set, type Child } from "./dom";
import { count, listed } from "./words";

/** Different values of a name up to which the others are held at one of them each. */
const VALUES = 60;
/** Rows of a table that are shown at once, and runs of a point that are listed. */
const PAGE = 50;
const LISTED = 20;
const COLORS = 8;

/** What the reader has chosen. */
interface Chosen {
  point: number;
  listeners: (() => void)[];
}

interface Sweep {
  data: SweepData;
  summary: Table;
  runs: Table;
  /** By name: its value at each point, as it is written. */
  texts: Map<string, string[]>;
  numbers: Map<string, number[]>;
  endings: string[];
}

export function sweepPage(data: SweepData): HTMLElement {
  const summary = new Table(data.tables.summary!);
  const runs = new Table(data.tables.runs!);
  const texts = new Map<string, string[]>();
  const numbers = new Map<string, number[]>();
  for (const name of summary.names) {
    texts.set(name, Array.from({ length: summary.shown }, (_, row) => summary.cell(name, row)));
    numbers.set(name, summary.numbers(name));
  }
  const endings = summary.names.filter((name) => name.startsWith("share/")).map((name) => name.slice("share/".length));
  const sweep: Sweep = { data, summary, runs, texts, numbers, endings };
  const chosen: Chosen = { point: 0, listeners: [] };
  const left = summary.rows - summary.shown;
  return h(
    "div",
    { class: "sweep" },
    head(sweep),
    left > 0 && h("p", { class: "note" }, `The last ${count(left, "point")} are left out of this page; summary.csv has them.`),
    data.names.length > 0 && panel("How it ends, along one name", sharesView(sweep, chosen)),
    data.names.length > 1 && panel("Over two names", heatView(sweep, chosen)),
    storylines(sweep),
    panel("Distributions", distributions(sweep, chosen)),
    panel("The chosen point", pointView(sweep, chosen)),
    panel("All points", pointsTable(sweep, chosen)),
  );
}

function choose(chosen: Chosen, point: number): void {
  chosen.point = point;
  chosen.listeners.forEach((listener) => listener());
}

function watch(chosen: Chosen, listener: () => void): void {
  chosen.listeners.push(listener);
  listener();
}

function outcomeName(sweep: Sweep, id: string): string {
  return sweep.data.outcomes.find(([own]) => own === id)?.[1] ?? id;
}

function head(sweep: Sweep): HTMLElement {
  const { data } = sweep;
  const { manifest } = data;
  const facts: [string, string][] = [
    ["points", `${count(data.points, "point")}, ${count(data.replicates, "run")} of each`],
    ["what varies", listed(data.names, 40) || "nothing"],
    ["seed", manifest.seed],
    ["scenario", manifest.scenario],
    ["SHA-256 of the scenario", manifest.scenario_sha256],
    ["version", `backstop ${manifest.version}`],
  ];
  const list = h("dl", { class: "facts" });
  for (const [name, value] of facts) list.append(h("dt", {}, name), h("dd", {}, value));
  const details = h("details", {}, h("summary", {}, "How this sweep is made again"), h("pre", { tabindex: "0" }, command(data)), list);
  return h("header", { class: "head" }, h("h1", {}, data.title), data.about !== "" && h("p", { class: "about" }, data.about), h("p", { class: "headline" }, `A sweep over ${listed(data.names, 5) || "nothing"}: ${facts[0]![1]}.`), details);
}

interface Design {
  kind: string;
  vary: string[];
  sample: string | null;
  over: string[];
  file: string | null;
  independent: boolean;
  sort: string;
  events: boolean;
  series: boolean;
}

function quoted(text: string): string {
  return /^[\w.=,:/+-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
}

/** The command that makes the sweep again. */
function command(data: SweepData): string {
  const { manifest } = data;
  const design = (manifest as unknown as { design: Design }).design;
  const parts = ["backstop sweep", quoted(manifest.scenario)];
  for (const axis of design.vary) parts.push("--vary", quoted(axis));
  if (design.kind === "zip") parts.push("--zip");
  if (design.sample) parts.push("--sample", quoted(design.sample));
  if (design.over.length > 0) parts.push("--over", quoted(design.over.join(",")));
  if (design.kind === "file") parts.push("--design design.csv");
  for (const { name, value } of manifest.overrides) parts.push("--set", quoted(`${name}=${value}`));
  parts.push("--replicates", String(data.replicates), "--seed", manifest.seed);
  if (design.independent) parts.push("--independent");
  if (design.events) parts.push("--events");
  if (design.series) parts.push("--series");
  if (design.sort === "point") parts.push("--sort point");
  return `${parts.join(" ")} --out sweep`;
}

/** A field to choose one of several. */
function field(id: string, label: string, options: [string, string][], change: () => void): { element: HTMLElement; select: HTMLSelectElement } {
  const select = h("select", { id, change });
  for (const [value, text] of options) select.append(h("option", { value }, text));
  return { element: h("div", { class: "field" }, h("label", { for: id }, label), select), select };
}

/** Fields that hold every name but some at one of its values; `all` where it has too many. */
function slices(sweep: Sweep, id: string, change: () => void): { element: HTMLElement; rows: (free: string[]) => number[] } {
  const fields = sweep.data.names.map((name, at) => {
    const values = [...new Set(sweep.texts.get(name)!)].sort((a, b) => Number(a) - Number(b));
    const options: [string, string][] = [["", "all"], ...(values.length <= VALUES ? values.map((value): [string, string] => [value, value]) : [])];
    const own = field(`${id}${at}`, name, options, change);
    const isGrid = values.length > 1 && values.length <= VALUES && values.length < sweep.summary.shown;
    own.select.value = isGrid ? values[Math.floor((values.length - 1) / 2)]! : "";
    return { name, ...own };
  });
  const element = h("div", { class: "filters slices" }, ...fields.map(({ element }) => element));
  const rows = (free: string[]) => {
    for (const one of fields) one.element.hidden = free.includes(one.name);
    const held = fields.filter(({ name, select }) => !free.includes(name) && select.value !== "");
    return Array.from({ length: sweep.summary.shown }, (_, row) => row).filter((row) => held.every(({ name, select }) => sweep.texts.get(name)![row] === select.value));
  };
  return { element, rows };
}

function sharesView(sweep: Sweep, chosen: Chosen): HTMLElement {
  const place = h("div", {});
  const along = field("along", "Along", sweep.data.names.map((name) => [name, name]), () => draw());
  const held = slices(sweep, "held", () => draw());
  const draw = () => {
    const rows = held.rows([along.select.value]);
    set(place, ...shareChart(sweep, chosen, along.select.value, rows));
  };
  watch(chosen, draw);
  return h("div", {}, h("div", { class: "filters slices" }, along.element), held.element, place);
}

/** Evenly spaced round numbers. */
function ticks(low: number, high: number, number = 6): number[] {
  if (!(high > low)) return [low];
  const raw = (high - low) / number;
  const power = 10 ** Math.floor(Math.log10(raw));
  const step = [1, 2, 5, 10].map((one) => one * power).find((one) => one >= raw)!;
  const found: number[] = [];
  for (let at = Math.ceil(low / step); at * step <= high + step * 1e-9; at++) found.push(Number((at * step).toPrecision(12)));
  return found;
}

function extent(values: number[]): [number, number] {
  const finite = values.filter(Number.isFinite);
  if (finite.length === 0) return [0, 1];
  const [low, high] = [finite.reduce((a, b) => Math.min(a, b)), finite.reduce((a, b) => Math.max(a, b))];
  return low === high ? [low - 0.5, high + 0.5] : [low, high];
}

const SHAPES = [
  (x: number, y: number) => `M${x - 4} ${y}A4 4 0 1 0 ${x + 4} ${y}A4 4 0 1 0 ${x - 4} ${y}Z`,
  (x: number, y: number) => `M${x - 4} ${y - 4}h8v8h-8Z`,
  (x: number, y: number) => `M${x} ${y - 5}L${x + 5} ${y + 4}H${x - 5}Z`,
  (x: number, y: number) => `M${x} ${y - 5}L${x + 5} ${y}L${x} ${y + 5}L${x - 5} ${y}Z`,
  (x: number, y: number) => `M${x - 5} ${y - 4}H${x + 5}L${x} ${y + 5}Z`,
  (x: number, y: number) => `M${x - 4} ${y - 1.5}h8v3h-8Z`,
];

/** The shares of all outcomes along a name, each with its interval. */
function shareChart(sweep: Sweep, chosen: Chosen, along: string, rows: number[]): Node[] {
  const xs = sweep.numbers.get(along)!;
  const used = sweep.endings.filter((ending) => rows.some((row) => sweep.numbers.get(`share/${ending}`)![row]! > 0));
  const [low, high] = extent(rows.map((row) => xs[row]!));
  const [width, height, left, bottom] = [frameWidth(1), 360, 56, 44];
  const x = (value: number) => left + 14 + ((value - low) / (high - low)) * (width - left - 40);
  const y = (share: number) => 14 + (1 - share) * (height - bottom - 20);
  const drawing = s("svg", { class: "plot-svg", viewBox: `0 0 ${width} ${height}`, role: "group", "aria-label": `Shares of the outcomes along ${along}. The arrow keys move between the points` });
  for (const tick of [0, 0.25, 0.5, 0.75, 1]) drawing.append(s("line", { class: "rule", x1: left, x2: width - 8, y1: y(tick), y2: y(tick) }), s("text", { class: "axis", x: left - 8, y: y(tick) + 4, "text-anchor": "end" }, String(tick)));
  for (const tick of ticks(low, high, width < 640 ? 4 : 8)) drawing.append(s("text", { class: "axis", x: x(tick), y: height - bottom + 20, "text-anchor": "middle" }, String(tick)));
  drawing.append(s("text", { class: "axis", x: (left + width) / 2, y: height - 6, "text-anchor": "middle" }, along));
  const sorted = [...rows].sort((a, b) => xs[a]! - xs[b]!);
  const isLine = new Set(sorted.map((row) => xs[row])).size === sorted.length;
  used.forEach((ending, at) => {
    const [share, from, to] = ["share", "share_low", "share_high"].map((kind) => sweep.numbers.get(`${kind}/${ending}`) ?? []) as [number[], number[], number[]];
    const shift = isLine ? (at - (used.length - 1) / 2) * 3 : 0;
    const points = sorted.filter((row) => Number.isFinite(share[row]));
    const group = s("g", { class: `tone-${at % COLORS}` });
    if (isLine && points.length > 1) group.append(s("path", { class: "share-line", d: `M${points.map((row) => `${(x(xs[row]!) + shift).toFixed(1)} ${y(share[row]!).toFixed(1)}`).join("L")}` }));
    for (const row of points) {
      const cx = x(xs[row]!) + shift;
      if (Number.isFinite(from[row])) group.append(s("line", { class: "interval", x1: cx, x2: cx, y1: y(from[row]!), y2: y(to[row]!) }));
      group.append(s("path", { class: "dot", d: SHAPES[at % SHAPES.length]!(cx, y(share[row]!)) }));
    }
    drawing.append(group);
  });
  const half = Math.max(6, Math.min(40, (width - left) / Math.max(1, sorted.length) / 2));
  if (isLine) sorted.forEach((row, at) => drawing.append(hit(sweep, chosen, along, used, row, at, x(xs[row]!), half, height - bottom)));
  roving(drawing, ".column");
  const legend = h("ul", { class: "legend" });
  used.forEach((ending, at) => legend.append(h("li", {}, s("svg", { class: `icon tone-${at % COLORS}`, viewBox: "0 0 16 16", width: 16, height: 16, "aria-hidden": "true" }, s("path", { class: "dot", d: SHAPES[at % SHAPES.length]!(8, 8) })), ` ${outcomeName(sweep, ending)}`)));
  return [h("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": "Chart of shares, which may scroll" }, drawing), legend, h("p", { class: "note" }, "Bars are Wilson's intervals at 95 %. A click chooses a point.")];
}

/** What can be clicked: all outcomes of one point. */
function hit(sweep: Sweep, chosen: Chosen, along: string, used: string[], row: number, at: number, x: number, half: number, height: number): SVGRectElement {
  const shares = used.map((ending) => `${outcomeName(sweep, ending)} ${sweep.texts.get(`share/${ending}`)![row]!}`).join(", ");
  const label = `${along} ${sweep.texts.get(along)![row]!}: ${shares}`;
  const rect = s("rect", { class: `column${row === chosen.point ? " chosen" : ""}`, role: "button", tabindex: at === 0 ? "0" : "-1", "aria-label": label, x: x - half, y: 0, width: 2 * half, height }, s("title", {}, label));
  rect.addEventListener("click", () => choose(chosen, row));
  return rect;
}

/** What a heat map or a histogram may show. */
function quantities(sweep: Sweep): [string, string][] {
  const shares = sweep.endings.map((ending): [string, string] => [`share/${ending}`, `share of ${outcomeName(sweep, ending)}`]);
  const means = sweep.summary.names.filter((name) => name.startsWith("mean/")).map((name): [string, string] => [name, `mean of ${name.slice(5)}`]);
  return [...shares, ...means];
}

function heatView(sweep: Sweep, chosen: Chosen): HTMLElement {
  const names = sweep.data.names.map((name): [string, string] => [name, name]);
  const place = h("div", {});
  const draw = () => {
    if (across.select.value === up.select.value) up.select.value = names.find(([name]) => name !== across.select.value)![0];
    set(place, ...heatMap(sweep, chosen, across.select.value, up.select.value, what.select.value, held.rows([across.select.value, up.select.value])));
  };
  const across = field("across", "Across", names, () => draw());
  const up = field("up", "Up", names, () => draw());
  up.select.value = names[1]![0];
  const what = field("what", "Shown", quantities(sweep), () => draw());
  const first = sweep.endings.findIndex((ending) => new Set(sweep.texts.get(`share/${ending}`)).size > 2);
  what.select.value = `share/${sweep.endings[Math.max(0, first)]!}`;
  const held = slices(sweep, "heat", () => draw());
  watch(chosen, draw);
  return h("div", {}, h("div", { class: "filters slices" }, across.element, up.element, what.element), held.element, place);
}

function heatMap(sweep: Sweep, chosen: Chosen, across: string, up: string, what: string, rows: number[]): Node[] {
  const [xs, ys, values] = [across, up, what].map((name) => sweep.numbers.get(name)!) as [number[], number[], number[]];
  const columns = [...new Set(rows.map((row) => xs[row]!))].sort((a, b) => a - b);
  const lines = [...new Set(rows.map((row) => ys[row]!))].sort((a, b) => b - a);
  const [low, high] = what.startsWith("share/") ? [0, 1] : extent(rows.map((row) => values[row]!));
  const isGrid = columns.length * lines.length <= 4 * rows.length + 16;
  const [width, left, bottom] = [frameWidth(1), 90, 44];
  const height = isGrid ? Math.max(160, Math.min(520, lines.length * 44)) + bottom : 460;
  const drawing = s("svg", { class: "plot-svg heat", viewBox: `0 0 ${width} ${height}`, role: "group", "aria-label": `${what} over ${across} and ${up}. The arrow keys move between the points` });
  const [x0, x1] = extent(columns);
  const [y0, y1] = extent(lines);
  const cell = { width: (width - left - 8) / columns.length, height: (height - bottom - 4) / lines.length };
  const place = (row: number) =>
    isGrid
      ? { x: left + columns.indexOf(xs[row]!) * cell.width, y: 2 + lines.indexOf(ys[row]!) * cell.height }
      : { x: left + 10 + ((xs[row]! - x0) / (x1 - x0)) * (width - left - 40), y: 10 + (1 - (ys[row]! - y0) / (y1 - y0)) * (height - bottom - 30) };
  rows.forEach((row, at) => {
    const part = Math.max(0, Math.min(1, (values[row]! - low) / (high - low)));
    const { x, y } = place(row);
    const text = sweep.texts.get(what)![row]!;
    const label = `${across} ${sweep.texts.get(across)![row]!}, ${up} ${sweep.texts.get(up)![row]!}: ${text === "" ? "no value" : text}`;
    const group = s("g", { class: `cell${row === chosen.point ? " chosen" : ""}`, role: "button", tabindex: at === 0 ? "0" : "-1", "aria-label": label }, s("title", {}, label));
    const size = isGrid ? { width: cell.width - 2, height: cell.height - 2 } : { width: 14, height: 14, rx: 7 };
    const rect = s("rect", { x, y, ...size });
    const level = Number.isFinite(part) ? Math.round(part * 10) : 0;
    rect.setAttribute("class", Number.isFinite(values[row]) ? `heat-${level}` : "heat-none");
    group.append(rect);
    if (isGrid && cell.width > 54 && cell.height > 18) group.append(s("text", { class: level > 5 ? "on-dark" : "on-light", x: x + cell.width / 2 - 1, y: y + cell.height / 2 + 4, "text-anchor": "middle" }, short(values[row]!)));
    group.addEventListener("click", () => choose(chosen, row));
    drawing.append(group);
  });
  const every = Math.max(1, Math.ceil(columns.length / 14));
  if (isGrid) {
    columns.forEach((value, at) => at % every === 0 && drawing.append(s("text", { class: "axis", x: left + (at + 0.5) * cell.width, y: height - bottom + 18, "text-anchor": "middle" }, short(value))));
    lines.forEach((value, at) => at % Math.max(1, Math.ceil(lines.length / 14)) === 0 && drawing.append(s("text", { class: "axis", x: left - 8, y: 2 + (at + 0.5) * cell.height + 4, "text-anchor": "end" }, short(value))));
  } else {
    for (const tick of ticks(x0, x1)) drawing.append(s("text", { class: "axis", x: left + 17 + ((tick - x0) / (x1 - x0)) * (width - left - 40), y: height - bottom + 18, "text-anchor": "middle" }, String(tick)));
    for (const tick of ticks(y0, y1)) drawing.append(s("text", { class: "axis", x: left - 8, y: 21 + (1 - (tick - y0) / (y1 - y0)) * (height - bottom - 30), "text-anchor": "end" }, String(tick)));
  }
  drawing.append(s("text", { class: "axis", x: (left + width) / 2, y: height - 6, "text-anchor": "middle" }, across), s("text", { class: "axis", x: 4, y: 14 }, up.length > 12 ? `${up.slice(0, 11)}\u2026` : up));
  roving(drawing, ".cell");
  const scale = h("p", { class: "note" }, `Light is ${short(low)}, dark is ${short(high)}. ${isGrid ? "Figures in the cells are rounded; a cell's label and the table below have all digits." : ""}`);
  return [h("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": "Heat map, which may scroll" }, drawing), scale];
}

/** A number for an axis or a cell, rounded. */
function short(value: number): string {
  return Number.isFinite(value) ? String(Number(value.toPrecision(3))) : "\u2013";
}

/** The runs grouped by storyline, if the table has hashes. */
function storylines(sweep: Sweep): HTMLElement | null {
  const { runs } = sweep;
  if (!runs.has("storyline_hash")) return null;
  const stories = new Map<string, { number: number; first: string; outcome: string }>();
  for (let row = 0; row < runs.shown; row++) {
    const hash = runs.cell("storyline_hash", row);
    const story = stories.get(hash);
    if (story) story.number++;
    else stories.set(hash, { number: 1, first: runs.cell("run", row), outcome: runs.cell("outcome", row) || runs.cell("status", row) });
  }
  const sorted = [...stories.values()].sort((a, b) => b.number - a.number);
  const body = h("tbody", {});
  for (const { number, first, outcome } of sorted.slice(0, LISTED)) {
    body.append(h("tr", {}, h("td", { class: "figure" }, `${number} of ${runs.shown}`), h("td", {}, outcomeName(sweep, outcome)), h("td", {}, h("code", {}, `backstop run ${sweep.data.folder} --run ${first}`))));
  }
  const header = h("tr", {}, ...["runs", "outcome", "an example"].map((name) => h("th", { scope: "col" }, name)));
  const more = sorted.length > LISTED ? ` The ${LISTED} most common are shown.` : "";
  return panel("Storylines", h("p", {}, `${count(sorted.length, "storyline")}: runs that differ only in drift and in dates have the same storyline.${more}${cutRuns(sweep)}`), h("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": "Storylines, which may scroll" }, h("table", {}, h("thead", {}, header), body)));
}

function cutRuns(sweep: Sweep): string {
  const left = sweep.runs.rows - sweep.runs.shown;
  return left > 0 ? ` Of the runs the last ${count(left, "run")} are left out of this page; runs.csv has them.` : "";
}

function distributions(sweep: Sweep, chosen: Chosen): HTMLElement {
  const { runs, data } = sweep;
  const possible = ["reached_step", "steps", "gap", ...data.metrics].filter((name) => runs.has(name));
  const place = h("div", {});
  const draw = () => {
    const all = runs.numbers(what.select.value);
    const points = runs.numbers("point");
    const values = all.filter((value, row) => Number.isFinite(value) && (of.select.value === "all" || points[row] === chosen.point));
    set(place, ...histogram(what.select.value, values, all.length));
  };
  const what = field("quantity", "Quantity", possible.map((name) => [name, name]), () => draw());
  const first = possible.find((name) => new Set(runs.words(name)).size > 2);
  if (first) what.select.value = first;
  const of = field("which", "Of", [["all", "all runs"], ["point", "the chosen point"]], () => draw());
  watch(chosen, draw);
  return h("div", {}, h("div", { class: "filters slices" }, what.element, of.element), place, h("p", { class: "note" }, cutRuns(sweep)));
}

function histogram(name: string, values: number[], total: number): Node[] {
  if (values.length === 0) return [h("p", { class: "note" }, `No run has a value of ${name}.`)];
  const low = values.reduce((a, b) => Math.min(a, b));
  const high = values.reduce((a, b) => Math.max(a, b));
  const whole = values.every(Number.isInteger) && high - low < 40;
  const bins = low === high ? 1 : whole ? high - low + 1 : 24;
  const span = low === high ? 1 : whole ? bins : high - low;
  const from = whole || low === high ? low - 0.5 : low;
  const counts = new Array<number>(bins).fill(0);
  for (const value of values) counts[Math.min(bins - 1, Math.floor(((value - from) / span) * bins))]!++;
  const most = Math.max(...counts);
  const [width, height, left, bottom] = [frameWidth(1), 240, 56, 40];
  const label = `${name}: ${count(values.length, "run")}, from ${low} to ${high}`;
  const drawing = s("svg", { class: "plot-svg", viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": label });
  const bar = (width - left - 8) / bins;
  counts.forEach((number, at) => {
    const tall = (number / most) * (height - bottom - 24);
    const [a, b] = [from + (at / bins) * span, from + ((at + 1) / bins) * span];
    const range = whole || low === high ? String(low + at) : `${short(a)} to ${short(b)}`;
    drawing.append(s("rect", { class: "bar-fill", x: left + at * bar + 1, y: height - bottom - tall, width: Math.max(1, bar - 2), height: tall }, s("title", {}, `${range}: ${count(number, "run")}`)));
    if (bins <= 24 && number > 0) drawing.append(s("text", { class: "axis", x: left + (at + 0.5) * bar, y: height - bottom - tall - 5, "text-anchor": "middle" }, String(number)));
    if (whole && (bins <= 24 || at % 2 === 0)) drawing.append(s("text", { class: "axis", x: left + (at + 0.5) * bar, y: height - bottom + 18, "text-anchor": "middle" }, String(low + at)));
  });
  if (!whole) for (const tick of low === high ? [low] : ticks(low, high, width < 640 ? 4 : 8)) drawing.append(s("text", { class: "axis", x: left + ((tick - from) / span) * (width - left - 8), y: height - bottom + 18, "text-anchor": "middle" }, String(tick)));
  drawing.append(s("line", { class: "rule", x1: left, x2: width - 8, y1: height - bottom, y2: height - bottom }), s("text", { class: "axis", x: (left + width) / 2, y: height - 4, "text-anchor": "middle" }, name));
  const without = total > values.length ? " The other runs have no value or belong to other points." : "";
  return [h("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": "Histogram, which may scroll" }, drawing), h("p", { class: "note" }, `${label}.${without}`)];
}

/** The shares at a point, and the commands that repeat its runs. */
function pointView(sweep: Sweep, chosen: Chosen): HTMLElement {
  const box = h("div", { class: "point", "aria-live": "polite" });
  watch(chosen, () => {
    const row = chosen.point;
    const { summary, runs, data } = sweep;
    const where = data.names.map((name) => `${name} = ${summary.cell(name, row)}`);
    const shares = h("ul", {});
    for (const ending of sweep.endings) {
      const cell = (kind: string) => summary.cell(`${kind}/${ending}`, row);
      if (cell("share") === "" || Number(cell("share")) === 0) continue;
      shares.append(h("li", {}, h("strong", {}, outcomeName(sweep, ending)), `: ${cell("share")}, between ${cell("share_low")} and ${cell("share_high")}`));
    }
    const body = h("tbody", {});
    let number = 0;
    for (let run = 0; run < runs.shown; run++) {
      if (runs.cell("point", run) !== summary.cell("point", row)) continue;
      if (++number > LISTED) continue;
      const id = runs.cell("run", run);
      body.append(h("tr", {}, h("td", { class: "figure" }, id), h("td", {}, outcomeName(sweep, runs.cell("outcome", run)) || runs.cell("status", run)), h("td", {}, h("code", {}, `backstop run ${quoted(data.folder)} --run ${id} --out run-${id}`))));
    }
    const header = h("tr", {}, ...["run", "outcome", "the command that repeats it"].map((name) => h("th", { scope: "col" }, name)));
    const nodes: Child[] = [
      h("p", {}, h("strong", {}, `Point ${summary.cell("point", row)}`), where.length > 0 ? `: ${listed(where, 30)}` : ""),
      shares,
      h("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": "Runs of the point, which may scroll" }, h("table", {}, h("thead", {}, header), body)),
      number > LISTED && h("p", { class: "note" }, `and ${count(number - LISTED, "other run")}`),
      number === 0 && h("p", { class: "note" }, "None of its runs is on this page."),
    ];
    set(box, ...nodes);
  });
  return box;
}

function pointsTable(sweep: Sweep, chosen: Chosen): HTMLElement {
  const { summary } = sweep;
  let by = "point";
  let down = false;
  let page = 0;
  const body = h("tbody", {});
  const status = h("span", { role: "status" });
  const heads = new Map<string, HTMLTableCellElement>();
  const order = () => {
    const values = sweep.numbers.get(by)!;
    const rows = Array.from({ length: summary.shown }, (_, row) => row);
    const key = (row: number) => (Number.isNaN(values[row]) ? -Infinity : values[row]!);
    return rows.sort((a, b) => (down ? key(b) - key(a) : key(a) - key(b)) || a - b);
  };
  let rows = order();
  const draw = () => {
    const pages = Math.max(1, Math.ceil(rows.length / PAGE));
    page = Math.max(0, Math.min(pages - 1, page));
    for (const [name, head] of heads) head.setAttribute("aria-sort", name === by ? (down ? "descending" : "ascending") : "none");
    const lines = rows.slice(page * PAGE, (page + 1) * PAGE).map((row) => {
      const cells = summary.names.map((name, at) =>
        at === 0 ? h("th", { scope: "row" }, button(summary.cell(name, row), () => choose(chosen, row), { class: "link", "aria-label": `Choose point ${summary.cell(name, row)}` })) : h("td", { class: "figure" }, summary.cell(name, row)),
      );
      return h("tr", { class: row === chosen.point ? "chosen" : "", "aria-selected": undefined }, ...cells);
    });
    body.replaceChildren(...lines);
    set(status, `page ${page + 1} of ${pages}`);
  };
  const header = h("tr", {});
  for (const name of summary.names) {
    const sort = () => {
      down = by === name ? !down : false;
      by = name;
      rows = order();
      page = 0;
      draw();
    };
    const head = h("th", { scope: "col" }, button(name, sort, { class: "link" }));
    heads.set(name, head);
    header.append(head);
  }
  watch(chosen, draw);
  const turn = (by: number) => {
    page += by;
    draw();
  };
  const pager = summary.shown > PAGE && h("p", { class: "controls" }, button("Back", () => turn(-1)), " ", button("Next", () => turn(1)), " ", status);
  return h("div", {}, h("p", { class: "note" }, "Click a column header to sort by it, and a point to select it."), h("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": "All points, which may scroll" }, h("table", {}, h("thead", {}, header), body)), pager);
}
