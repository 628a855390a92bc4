// A lane for each commitment: its state over time as colour and pattern; for several instances, their shares.

import type { App } from "./app";
import type { Run } from "./data";
import { frameWidth, h, roving, s } from "./dom";
import { shape } from "./icons";
import { count, debtors, stateWord, stepLabel } from "./words";

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
