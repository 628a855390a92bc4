// The bar that stays in sight: step by step, play and pause, and a time line of what happened.

import type { App } from "./app";
import type { Family, Run } from "./data";
import { button, frameWidth, h, roving, s, set } from "./dom";
import { icon, shape } from "./icons";
import { count, sentence, stepLabel } from "./words";

/** Places of a time line; longer runs have several steps in one. */
const PLACES = 300;

export function scrubber(app: App, run: Run): HTMLElement {
  const slider = h("input", { type: "range", min: 0, max: app.steps - 1, step: 1, class: "slider", "aria-label": "Step" });
  slider.addEventListener("input", () => app.change({ step: Number(slider.value), playing: false }));
  const label = h("output", { class: "now" });
  const play = button(icon("play"), () => togglePlay(app), { class: "play", "aria-label": "Play (space)" });
  const nav = (name: string, words: string, to: () => number) => button(icon(name), () => app.change({ step: to(), playing: false }), { "aria-label": words });
  let timer = 0;
  app.watch((state, before) => {
    slider.value = String(state.step);
    slider.setAttribute("aria-valuetext", stepLabel(run, state.step));
    set(label, h("strong", {}, stepLabel(run, state.step)), run.data.dates[0] ? ` step ${state.step} of ${app.steps - 1}` : ` of ${app.steps - 1}`);
    if (state.playing !== before.playing || state === before) {
      set(play, icon(state.playing ? "pause" : "play"));
      play.setAttribute("aria-label", state.playing ? "Pause (space)" : "Play (space)");
      window.clearInterval(timer);
      if (state.playing) timer = window.setInterval(() => tick(app), app.steps > 60 ? 150 : 700);
    }
  });
  return h(
    "div",
    { class: "scrubber", role: "group", "aria-label": "Time" },
    h("div", { class: "controls" }, nav("first", "First step (Home)", () => 0), nav("back", "Step back (left arrow)", () => app.state.step - 1), play, nav("next", "Step forward (right arrow)", () => app.state.step + 1), nav("last", "Last step (End)", () => app.steps - 1), label),
    slider,
  );
}

export function togglePlay(app: App): void {
  const { playing, step } = app.state;
  if (!playing && step >= app.steps - 1) app.change({ step: 0, playing: true });
  else app.change({ playing: !playing });
}

function tick(app: App): void {
  if (app.state.step >= app.steps - 1) app.change({ playing: false });
  else app.go(app.state.step + 1);
}

/** Rows of the time line: kinds of events that are told in one, in the order from top to bottom. */
const LINES: [string, (run: Run, event: number) => boolean, string][] = [
  ["meetings", (run, event) => run.family(event) === "calendar", "calendar"],
  ["shocks", (run, event) => run.family(event) === "shock", "shock"],
  ["moves", (run, event) => run.family(event) === "move", "move"],
  ["promises", (run, event) => run.family(event) === "promise", "promise"],
  ["outcomes", (run, event) => run.family(event) === "outcome", "outcome"],
  ["other", (run, event) => run.family(event) === "other", "other"],
];

/** What happened when, a mark for all of one kind in one step. */
export function timeline(app: App, run: Run, side: number, sides = 1): HTMLElement {
  const places = Math.min(PLACES, app.steps);
  const perPlace = app.steps / places;
  const placeOf = (step: number) => Math.min(places - 1, Math.floor(step / perPlace));
  const marks: Map<number, number[]>[] = LINES.map(() => new Map());
  for (let event = 0; event < run.events.shown; event++) {
    const line = LINES.findIndex(([, is]) => is(run, event));
    if (line < 0) continue;
    const place = placeOf(run.step[event]!);
    const there = marks[line]!.get(place);
    if (there) there.push(event);
    else marks[line]!.set(place, [event]);
  }
  const used = LINES.map((_, at) => at).filter((at) => marks[at]!.size > 0);
  const [width, left, row] = [frameWidth(sides), 78, 26];
  const x = (place: number) => left + ((place + 0.5) / places) * (width - left - 8);
  const height = used.length * row + 22;
  const drawing = s("svg", { class: "timeline", viewBox: `0 0 ${width} ${height}`, role: "group", "aria-label": "Time line: what happened when. The arrow keys move between the marks" });
  const now = s("rect", { class: "now-line", y: 0, width: Math.max(2, (width - left - 8) / places), height: height - 18 });
  drawing.append(now);
  used.forEach((line, at) => {
    const y = at * row + row / 2;
    drawing.append(s("line", { class: "rule", x1: left, x2: width - 8, y1: y, y2: y }), s("text", { class: "axis", x: 2, y: y + 4 }, LINES[line]![0]));
    for (const [place, events] of marks[line]!) drawing.append(mark(app, run, side, events, x(place), y, LINES[line]![2] as Family));
  });
  drawing.querySelector(".mark")?.setAttribute("tabindex", "0");
  for (const [place, anchor] of [[0, "start"], [places - 1, "end"]] as const) {
    const step = Math.min(app.steps - 1, Math.round(place * perPlace));
    drawing.append(s("text", { class: "axis", x: place === 0 ? left : width - 8, y: height - 4, "text-anchor": anchor }, stepLabel(run, step)));
  }
  roving(drawing, ".mark");
  app.watch((state) => now.setAttribute("x", String(x(placeOf(state.step)) - Number(now.getAttribute("width")) / 2)));
  return h("div", { class: "scroll timeline-box", tabindex: "0", role: "region", "aria-label": "Time line, which may scroll" }, drawing);
}

function mark(app: App, run: Run, side: number, events: number[], x: number, y: number, family: Family): SVGGElement {
  const first = events[0]!;
  const words = events.length === 1 ? sentence(run, first) : `${count(events.length, "event")}, the first: ${sentence(run, first)}`;
  const size = Math.min(18, 11 + 2 * Math.log2(events.length));
  const node = s("g", { class: `mark family-${family}`, role: "button", tabindex: "-1", "aria-label": `${stepLabel(run, run.step[first]!)}: ${words}`, transform: `translate(${x.toFixed(1)} ${y})` });
  node.append(s("title", {}, `${stepLabel(run, run.step[first]!)}: ${words}`), s("circle", { class: "hit", r: 12 }), s("g", { transform: `translate(${-size / 2} ${-size / 2})` }, shape(family, size)));
  node.addEventListener("click", () => app.selectEvent(side, first, run.step[first]!));
  return node;
}
