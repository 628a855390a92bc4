// The views along time: the bar that stays in sight, with play, pause and the keys for it; the time line of what happened;
// and a lane for each commitment.

import type { App, Family, Run } from "./data";
import { button, frameWidth, h, icon, roving, s, set, shape } from "./dom";
import { count, debtors, sentence, stateWord, stepLabel } from "./words";

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

/** Keyboard shortcuts for the whole page, unless the focused field or list uses the key itself. */
export function keys(app: App): void {
  document.addEventListener("keydown", (event) => {
    if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey) return;
    const target = event.target as HTMLElement;
    const typing = target.matches("input:not([type=checkbox]):not([type=range]), select, textarea");
    if (event.key === "Escape") {
      if (typing) target.blur();
      else app.change({ selection: null, whatIf: null, playing: false });
      return;
    }
    if (typing) return;
    if (event.key === "/") {
      document.querySelector<HTMLInputElement>("input[type=search]")?.focus();
      event.preventDefault();
      return;
    }
    // Sliders, the list of events and scrolling regions handle the arrow keys themselves.
    if (target.matches("input[type=range], [role=listbox], pre")) return;
    const acts = target.matches("button, summary, a, input, [role=button]");
    if (event.key === " " && !acts) togglePlay(app);
    else if (event.key === "ArrowLeft") app.change({ step: app.state.step - 1, playing: false });
    else if (event.key === "ArrowRight") app.change({ step: app.state.step + 1, playing: false });
    else if (event.key === "Home") app.change({ step: 0, playing: false });
    else if (event.key === "End") app.change({ step: app.steps - 1, playing: false });
    else return;
    event.preventDefault();
  });
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

/** The height of a lane. */
const ROW = 24;
/** The largest numbers of lanes, and of stretches in one lane. */
const LANES = 200;
const STRETCHES = 400;

/** A stretch of steps in which no instance of a commitment changes its state. */
interface Stretch {
  from: number;
  to: number;
  counts: Map<number, number>;
}

function stretches(run: Run, commitment: number): Stretch[] {
  const members = run.members[commitment]!;
  const changes = [...new Set(members.flatMap((member) => run.data.history.states[member]!.map(([step]) => step)))].sort((a, b) => a - b);
  if (changes[0] !== 0) changes.unshift(0);
  return changes.slice(0, STRETCHES).map((from, at) => {
    const counts = new Map<number, number>();
    for (const member of members) {
      const state = run.state(member, from);
      counts.set(state, (counts.get(state) ?? 0) + 1);
    }
    return { from, to: changes[at + 1] ?? run.steps, counts };
  });
}

/** A lane for each commitment: its state over time as colour and pattern; for several instances, their shares. */
export function lanesView(app: App, run: Run, side: number, sides = 1): HTMLElement {
  const { commitments } = run.data.model;
  const shown = commitments.slice(0, LANES);
  const WIDTH = frameWidth(sides);
  const narrow = WIDTH < 640;
  const LEFT = narrow ? 132 : 226;
  const most = narrow ? 15 : 32;
  const height = shown.length * ROW + 20;
  const x = (step: number) => LEFT + (step / app.steps) * (WIDTH - LEFT - 8);
  const drawing = s("svg", { class: "lanes", viewBox: `0 0 ${WIDTH} ${height}`, role: "group", "aria-label": "Commitments over time. The arrow keys move between the stretches" });
  const now = s("rect", { class: "now-line", y: 0, height: height - 16, width: Math.max(2, (WIDTH - LEFT - 8) / app.steps) });
  shown.forEach(({ id }, commitment) => {
    const y = commitment * ROW;
    const name = s("text", { class: "lane-name", x: LEFT - 8, y: y + 16, "text-anchor": "end" }, id.length > most ? `${id.slice(0, most - 1)}\u2026` : id);
    name.addEventListener("click", () => app.selectCommitment(side, commitment));
    drawing.append(name);
    for (const stretch of stretches(run, commitment)) drawing.append(bar(app, run, side, commitment, stretch, x, y));
  });
  drawing.querySelector(".bar")?.setAttribute("tabindex", "0");
  drawing.append(now);
  drawing.append(s("text", { class: "axis", x: LEFT, y: height - 3 }, stepLabel(run, 0)), s("text", { class: "axis", x: WIDTH - 8, y: height - 3, "text-anchor": "end" }, stepLabel(run, app.steps - 1)));
  roving(drawing, ".bar");
  app.watch((state) => now.setAttribute("x", String(x(state.step))));
  const left = commitments.length - shown.length;
  return h("div", {}, h("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": "Lanes, which may scroll" }, drawing), left > 0 && h("p", { class: "note" }, `${count(left, "other lane")} are not drawn.`));
}

function bar(app: App, run: Run, side: number, commitment: number, stretch: Stretch, x: (step: number) => number, y: number): SVGGElement {
  const total = run.members[commitment]!.length;
  const names = run.data.history.names;
  const counts = [...stretch.counts].sort((a, b) => a[0] - b[0]);
  const said = counts.map(([state, number]) => (total === 1 ? stateWord(names[state]!) : `${number} ${stateWord(names[state]!)}`)).join(", ");
  const until = stretch.to >= run.steps ? "to the end" : `until before ${stepLabel(run, stretch.to)}`;
  const label = `${run.data.model.commitments[commitment]!.id} (${debtors(run, commitment)}): ${said}, from ${stepLabel(run, stretch.from)} ${until}`;
  const group = s("g", { class: "bar", role: "button", tabindex: "-1", "aria-label": label });
  group.append(s("title", {}, label));
  const [left, width] = [x(stretch.from), Math.max(1.5, x(stretch.to) - x(stretch.from) - 1)];
  let top = y + 3;
  for (const [state, number] of counts) {
    const height = ((ROW - 6) * number) / total;
    group.append(s("rect", { class: `state-${names[state]!}`, x: left, y: top, width, height, rx: total === 1 ? 3 : 0 }));
    if (width > 20 && height > 11) group.append(s("g", { class: `state-${names[state]!}`, transform: `translate(${left + 4} ${top + height / 2 - 6})` }, shape(names[state]!, 12)));
    top += height;
  }
  group.addEventListener("click", () => {
    const event = firstEvent(run, commitment, stretch.from);
    if (event === undefined) {
      app.go(stretch.from);
      app.selectCommitment(side, commitment);
    } else {
      app.selectEvent(side, event, stretch.from);
    }
  });
  return group;
}

/** The first event of a commitment in a step. */
function firstEvent(run: Run, commitment: number, step: number): number | undefined {
  for (let event = run.firstEventOf(step); event < run.events.shown && run.step[event] === step; event++) {
    const instance = run.instance(run.cell("subject", event));
    if (instance !== undefined && run.family(event) === "promise" && run.data.model.instances[instance]![1] === commitment) return event;
  }
  return undefined;
}
