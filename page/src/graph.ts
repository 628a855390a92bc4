// The wait-for graph at a step: one card per commitment, and an arrow from a commitment to the one it waits for.

import * as dagre from "@dagrejs/dagre";
import type { App, Run } from "./data";
import { h, icon, roving, s, set, shape } from "./dom";
import { count, debtors, gift, stateWord, stepLabel } from "./words";

const WIDTH = 196;
const HEIGHT = 84;
/** The smallest scale of the graph of one run before it scrolls. */
const SHRUNK = 0.8;
/** The largest number of cards. */
const CARDS = 150;

interface Edge {
  from: number;
  to: number;
  path: string;
}

interface Layout {
  place: Map<number, { x: number; y: number }>;
  edges: Edge[];
  width: number;
  height: number;
  left: number;
}

/** Commitments that wait or are waited for at some step of some run, and the pairs. */
function pairs(runs: Run[]): Map<string, [number, number]> {
  const found = new Map<string, [number, number]>();
  for (const run of runs) {
    for (const standing of run.data.history.explained) {
      for (const [from, to] of standing.waits ?? []) {
        if (from !== to && !found.has(`${to} ${from}`)) found.set(`${from} ${to}`, [from, to]);
      }
    }
  }
  return found;
}

/** The connected components, largest first. */
function parts(all: number[], edges: [number, number][]): number[][] {
  const part = new Map(all.map((at) => [at, [at]]));
  for (const [from, to] of edges) {
    const [one, other] = [part.get(from)!, part.get(to)!];
    if (one === other) continue;
    one.push(...other);
    for (const at of other) part.set(at, one);
  }
  return [...new Set(part.values())].sort((a, b) => b.length - a.length);
}

/** A layout of one component. */
function arranged(nodes: number[], edges: [number, number][], available: number): dagre.graphlib.Graph {
  const directed = (rankdir: string, ranksep: number) => {
    const graph = new dagre.graphlib.Graph();
    graph.setGraph({ rankdir, nodesep: 22, ranksep, marginx: 8, marginy: 14 });
    graph.setDefaultEdgeLabel(() => ({}));
    for (const at of nodes) graph.setNode(String(at), { width: WIDTH, height: HEIGHT });
    for (const [from, to] of edges) graph.setEdge(String(from), String(to));
    dagre.layout(graph);
    return graph;
  };
  // Left to right is easiest to read. If it is too wide, use a smaller distance, or the narrower direction.
  const widthOf = (graph: dagre.graphlib.Graph) => graph.graph().width ?? 0;
  const wide = directed("LR", available < 640 ? 50 : 84);
  if (widthOf(wide) <= available) return wide;
  const near = directed("LR", 42);
  if (widthOf(near) <= available / SHRUNK) return near;
  const down = directed("TB", 46);
  return widthOf(down) < widthOf(near) ? down : near;
}

/** One layout for all steps and for both runs, so that a card keeps its place. */
function layOut(runs: Run[], available: number): Layout {
  const run = runs[0]!;
  const edges = [...pairs(runs).values()];
  const waiting = new Set(edges.flat());
  const all = run.data.model.commitments.map((_, at) => at);
  const shown = [...all.filter((at) => waiting.has(at)), ...all.filter((at) => !waiting.has(at))].slice(0, CARDS);
  const isShown = new Set(shown);
  const kept = edges.filter(([from, to]) => isShown.has(from) && isShown.has(to));
  const place = new Map<number, { x: number; y: number }>();
  const paths: Edge[] = [];
  let width = WIDTH + 16;
  let height = 0;
  // Each component is laid out separately, largest first, below the previous one.
  for (const part of parts(shown.filter((at) => waiting.has(at)), kept)) {
    const graph = arranged(part, kept.filter(([from]) => part.includes(from)), available);
    for (const name of graph.nodes()) {
      const { x, y } = graph.node(name);
      place.set(Number(name), { x, y: y + height });
    }
    for (const { v, w } of graph.edges()) {
      const points = graph.edge(v, w).points.map(({ x, y }: { x: number; y: number }) => ({ x, y: y + height }));
      paths.push({ from: Number(v), to: Number(w), path: smooth(points) });
    }
    width = Math.max(width, graph.graph().width ?? 0);
    height += graph.graph().height ?? 0;
  }
  // Commitments without edges are below, in rows.
  const others = shown.filter((at) => !waiting.has(at));
  const columns = Math.max(1, Math.floor((Math.max(width, Math.min(available, 1100)) - 16) / (WIDTH + 16)));
  others.forEach((at, index) => {
    const x = 8 + WIDTH / 2 + (index % columns) * (WIDTH + 16);
    const y = height + 34 + HEIGHT / 2 + Math.floor(index / columns) * (HEIGHT + 14);
    place.set(at, { x, y });
  });
  if (others.length > 0) {
    width = Math.max(width, 8 + Math.min(columns, others.length) * (WIDTH + 16));
    height += 34 + Math.ceil(others.length / columns) * (HEIGHT + 14);
  }
  return { place, edges: paths, width, height: height + 8, left: all.length - shown.length };
}

/** A curve through the points that dagre gives. */
function smooth(points: { x: number; y: number }[]): string {
  const at = (point: { x: number; y: number }) => `${point.x.toFixed(1)} ${point.y.toFixed(1)}`;
  let path = `M${at(points[0]!)}`;
  for (let index = 1; index < points.length - 1; index++) {
    const [here, next] = [points[index]!, points[index + 1]!];
    const end = index === points.length - 2 ? next : { x: (here.x + next.x) / 2, y: (here.y + next.y) / 2 };
    path += `Q${at(here)} ${at(end)}`;
  }
  if (points.length === 2) path += `L${at(points[1]!)}`;
  return path;
}

const ruler = document.createElement("canvas").getContext("2d");

/** A text cut to a width in pixels. */
function cut(text: string, most: number, font: string): string {
  if (!ruler) return text.slice(0, Math.floor(most / 7));
  ruler.font = `${font} system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", sans-serif`;
  if (ruler.measureText(text).width <= most) return text;
  let end = text.length;
  while (end > 0 && ruler.measureText(`${text.slice(0, end)}\u2026`).width > most) end--;
  return `${text.slice(0, end)}\u2026`;
}

/** The contents of a card at a step. */
interface CardState {
  /** The state of most of its instances. */
  state: string;
  counts: [string, number][];
  inGap: boolean;
  circle: number;
  round: number;
}

function cardStates(run: Run, app: App, side: number): CardState[] {
  const { step } = app.state;
  const whatIf = app.state.whatIf?.side === side ? app.state.whatIf : null;
  const standing = run.standing(step);
  const gap = new Set(standing?.gap ?? []);
  const circleOf = new Map<number, number>();
  standing?.circles?.forEach((circle, at) => circle.forEach((member) => circleOf.set(member, at + 1)));
  const roundOf = new Map<number, number>();
  if (whatIf) {
    const rounds = standing?.unlock?.sets[whatIf.set]?.rounds ?? [];
    rounds.slice(0, whatIf.round + 1).forEach((members, at) => members.forEach((member) => roundOf.set(member, at + 1)));
  }
  return run.members.map((members) => {
    const counts = new Map<string, number>();
    for (const member of members) {
      const name = run.stateName(member, step);
      counts.set(name, (counts.get(name) ?? 0) + 1);
    }
    const sorted = [...counts].sort((a, b) => b[1] - a[1]);
    const rounds = members.map((member) => roundOf.get(member) ?? 0);
    return {
      state: sorted[0]?.[0] ?? "not_offered",
      counts: sorted,
      inGap: members.some((member) => gap.has(member)),
      circle: Math.max(0, ...members.map((member) => circleOf.get(member) ?? 0)),
      round: Math.max(0, ...rounds),
    };
  });
}

function statesInWords(card: CardState, total: number): string {
  if (total === 1) return stateWord(card.state);
  return card.counts.map(([name, number]) => `${number} ${stateWord(name)}`).join(", ");
}

/** The graph of one run; `runs` share one layout. */
export function graphView(app: App, runs: Run[], side: number, differs: (commitment: number, step: number) => boolean): HTMLElement {
  const run = runs[side]!;
  // The explanation of one run is beside its graph if there is room.
  const share = runs.length > 1 ? 1 / runs.length : window.innerWidth > 1000 ? 1.7 / 2.7 : 1;
  const available = Math.max(320, (Math.min(1400, window.innerWidth) - 60) * share - 40);
  const layout = layOut(runs, available);
  const drawing = s("svg", {
    class: "graph",
    viewBox: `0 0 ${layout.width} ${layout.height}`,
    width: layout.width,
    role: "group",
    "aria-label": "Commitments, and who waits for whom",
  });
  const id = `arrow${side}`;
  for (const kind of ["plain", "circle"]) {
    const tip = s("path", { d: "M0 0L9 4.5L0 9Z", class: `tip ${kind}` });
    const marker = { id: `${id}${kind}`, viewBox: "0 0 9 9", refX: 8.5, refY: 4.5, markerWidth: 8, markerHeight: 8, orient: "auto-start-reverse", markerUnits: "userSpaceOnUse" };
    drawing.append(s("marker", marker, tip));
  }
  const lines = s("g", {});
  const cards = s("g", {});
  drawing.append(lines, cards);
  roving(drawing, ".card");
  // The drawing shrinks as long as it is readable; beyond that it scrolls.
  drawing.style.minWidth = `${Math.round(layout.width * (runs.length > 1 ? 0.66 : SHRUNK))}px`;
  const caption = h("p", { class: "caption", "aria-live": "off" });
  const draw = () => {
    const { step, selection } = app.state;
    const standing = run.standing(step);
    const states = cardStates(run, app, side);
    const chosen = selection?.kind === "commitment" ? selection.commitment : -1;
    const present = new Set((standing?.waits ?? []).map(([from, to]) => `${from} ${to}`));
    const focused = cards.querySelector(":focus")?.getAttribute("data-commitment");
    lines.replaceChildren(...edges(layout, present, states, chosen, id));
    const nodes = [...layout.place].map(([commitment, place]) => {
      const node = card(run, commitment, step, states[commitment]!, place, commitment === chosen, differs(commitment, step));
      node.addEventListener("click", () => app.selectCommitment(side, commitment));
      return node;
    });
    nodes.forEach((node, at) => node.setAttribute("tabindex", (focused ? node.getAttribute("data-commitment") === focused : at === 0) ? "0" : "-1"));
    cards.replaceChildren(...nodes);
    if (focused) nodes.find((node) => node.getAttribute("data-commitment") === focused)?.focus();
    const left = layout.left > 0 ? ` ${count(layout.left, "other commitment")} are not drawn.` : "";
    const partial = standing?.waits_complete === false ? " Not all arrows could be computed or drawn." : "";
    const missing = standing && !standing.full ? " The arrows were not computed for this step." : "";
    set(caption, `After ${stepLabel(run, step)}. An arrow leads from a commitment to the one it waits for.${partial}${missing}${left}`);
  };
  app.watch(draw);
  return h("div", { class: "graph-box" }, caption, h("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": "The graph, which may scroll" }, drawing), legend(run));
}

function edges(layout: Layout, present: Set<string>, states: CardState[], chosen: number, id: string): SVGElement[] {
  const found: SVGElement[] = [];
  for (const { from, to, path } of layout.edges) {
    const [there, back] = [present.has(`${from} ${to}`), present.has(`${to} ${from}`)];
    if (!there && !back) continue;
    const [a, b] = [states[from]!, states[to]!];
    const isCircle = a.circle > 0 && a.circle === b.circle;
    const kind = isCircle ? "circle" : "plain";
    const isFaint = chosen >= 0 && chosen !== from && chosen !== to;
    const opened = (there && a.round > 0) || (back && b.round > 0);
    const end = there ? `url(#${id}${kind})` : undefined;
    const start = back ? `url(#${id}${kind})` : undefined;
    const names = `wait ${kind}${isFaint ? " faint" : ""}${opened ? " opened" : ""}`;
    found.push(s("path", { d: path, class: names, "marker-end": end, "marker-start": start }));
  }
  return found;
}

function card(run: Run, commitment: number, step: number, state: CardState, place: { x: number; y: number }, chosen: boolean, differs: boolean): SVGGElement {
  const members = run.members[commitment]!;
  const { id } = run.data.model.commitments[commitment]!;
  const who = debtors(run, commitment);
  const what = gift(run, commitment, step);
  const words = statesInWords(state, members.length);
  const circle = state.circle > 0 ? `, in circle ${state.circle}` : "";
  const round = state.round > 0 ? `, bound in round ${state.round} of the what-if` : "";
  const label = `${who}: ${what}, ${id}, ${words}${circle}${round}${differs ? ", differs between the two runs" : ""}`;
  const names = ["card", `state-${state.round > 0 ? "whatif" : state.state}`];
  if (chosen) names.push("chosen");
  if (state.circle > 0) names.push("in-circle");
  if (differs) names.push("differs");
  const node = s("g", {
    class: names.join(" "),
    transform: `translate(${(place.x - WIDTH / 2).toFixed(1)} ${(place.y - HEIGHT / 2).toFixed(1)})`,
    role: "button",
    "aria-pressed": chosen ? "true" : "false",
    "aria-label": label,
    "data-commitment": commitment,
  });
  if (members.length > 1) node.append(s("rect", { class: "stack", x: 4, y: 4, width: WIDTH, height: HEIGHT, rx: 8 }));
  node.append(
    s("rect", { class: "back", width: WIDTH, height: HEIGHT, rx: 8 }),
    s("text", { class: "who", x: 12, y: 21 }, cut(who, WIDTH - (state.circle > 0 ? 40 : 22), "650 14px")),
    s("text", { class: "what", x: 12, y: 38 }, cut(what, WIDTH - 22, "12px")),
    s("text", { class: "id", x: 12, y: 54 }, cut(id, WIDTH - 22, "12px")),
    s("g", { transform: "translate(11 62)" }, shape(state.round > 0 ? "detached" : state.state, 14)),
    s("text", { class: "state", x: 30, y: 74 }, cut(state.round > 0 ? `round ${state.round}: bound` : words, WIDTH - 42, "600 12.5px")),
  );
  if (state.circle > 0 && state.round === 0) {
    node.append(s("circle", { class: "badge", cx: WIDTH - 14, cy: 14, r: 9 }), s("text", { class: "badge-text", x: WIDTH - 14, y: 18 }, String(state.circle)));
  }
  return node;
}

function legend(run: Run): HTMLElement {
  const used = new Set(run.data.history.states.flat().map(([, state]) => run.data.history.names[state]!));
  const items = run.data.history.names.filter((name) => used.has(name));
  const list = h("ul", { class: "legend" });
  for (const name of items) list.append(h("li", {}, h("span", { class: `key state-${name}` }, icon(name, 14)), ` ${stateWord(name)}`));
  list.append(h("li", {}, h("span", { class: "key circle-key" }, "1"), " in circle 1: these wait for each other"));
  return list;
}
