// The page of one run, and the page of two: the point where they diverge, the events that only one of them has, and their
// consequences.

import { answerView } from "./answer";
import { chartsView } from "./charts";
import { App, type Run } from "./data";
import { detailView } from "./detail";
import { button, h, panel, type Child } from "./dom";
import { entriesOf, eventsView, type Entry } from "./events";
import { graphView } from "./graph";
import { keys, lanesView, scrubber, timeline } from "./time";
import { count, listed, sentence, stateWord, stepLabel } from "./words";

/** The share of the width for the graph and the timeline, beside the explanation. */
const BESIDE = 1.65;

export function runPage(run: Run): HTMLElement {
  const app = new App(run.steps, Math.max(0, run.data.steps - 1));
  keys(app);
  return h(
    "div",
    { class: "run" },
    header(run),
    scrubber(app, run),
    h(
      "div",
      { class: "two" },
      h("div", {}, panel("Who waits for whom", graphView(app, [run], 0, () => false)), panel("What happened when", timeline(app, run, 0, BESIDE))),
      answerView(app, run, 0),
    ),
    panel("Commitments over time", lanesView(app, run, 0)),
    panel("Numbers over time", chartsView(app, [run], [""])),
    eventsView(app, [run], entriesOf(run)),
    detailView(app, [run], [""]),
  );
}

/** The outcome of a run with its reason. */
export function outcomeLine(run: Run): HTMLElement {
  const outcome = run.outcome();
  const declared = run.data.model.outcomes.find(({ id }) => id === outcome);
  const status = run.row.cell("status", 0);
  let reason: string;
  if (status !== "ok") {
    reason = `The run failed: ${status}. What came before is kept.`;
  } else if (declared) {
    const reached = run.row.cell("reached_step", 0);
    reason = `It holds at the end${reached === "" ? "" : `, first reached ${stepLabel(run, Number(reached) + run.offset)}`}: ${run.data.reason || (declared.when ?? "")}`;
  } else {
    const gap = Number(run.row.cell("gap", 0));
    reason = gap > 1 ? `No outcome holds. ${gap} offers would all bind if they bound together; none of them will by itself.` : gap === 1 ? "No outcome holds. One offer would hold if it were bound, and will not bind by itself." : "No outcome holds, and no set of the offers that stand would bind together.";
  }
  const badge = h("span", { class: `badge-outcome outcome-${status !== "ok" ? "failed" : declared ? "reached" : outcome}` }, status !== "ok" ? "failed" : (declared?.name ?? outcome));
  return h("p", { class: "outcome" }, badge, " ", reason);
}

/** Title, outcome, and how the run is made again. */
function header(run: Run): HTMLElement {
  const { title, about } = run.data;
  return h("header", { class: "head" }, h("h1", {}, title), about !== "" && h("p", { class: "about" }, about), outcomeLine(run), remake(run));
}

/** What a run is of, and the commands that make it again. */
export function remake(run: Run): HTMLElement {
  const { manifest } = run.data;
  const begin = run.offset;
  const [first, last] = [stepLabel(run, begin), stepLabel(run, run.steps - 1)];
  const facts: [string, string][] = [
    ["dates", run.data.dates[begin] ? `${first} to ${last}, ${run.steps - begin} steps` : `${run.steps} steps`],
    ["actors and commitments", `${run.data.model.actors.length} and ${run.data.model.instances.length}`],
    ["seed", manifest.replicate === "0" ? manifest.seed : `${manifest.seed}, replicate ${manifest.replicate}`],
  ];
  if (manifest.changes.length > 0) facts.push(["with", listed(manifest.changes, 20)]);
  for (const fork of manifest.forks) facts.push([`forked at ${stepLabel(run, fork.at + begin)}`, listed(fork.changes, 20) || "nothing changed"]);
  facts.push(["scenario", manifest.scenario], ["SHA-256 of the scenario", manifest.scenario_sha256], ["hash of the history", manifest.history_hash ?? ""], ["version", `backstop ${manifest.version}`]);
  const list = h("dl", { class: "facts" });
  for (const [name, value] of facts) list.append(h("dt", {}, name), h("dd", {}, value));
  return h("details", {}, h("summary", {}, "How this run is made again"), h("pre", { tabindex: "0" }, run.data.command.join("\n")), list);
}

const CELLS = ["step", "date", "event", "actor", "counterpart", "subject", "issue", "resource", "value"];

/** The events that only one of two runs has. */
export interface Difference {
  entries: Entry[];
  /** By side and event: whether only this run has it. */
  only: boolean[][];
  /** By side and event: whether it is a consequence of an event that only this run has. */
  follows: boolean[][];
  /** The first event that only one has. */
  first: Entry | undefined;
}

export function compare(runs: [Run, Run]): Difference {
  const key = (run: Run, event: number) => [run.step[event], ...CELLS.slice(1).map((name) => run.cell(name, event))].join("\u0000");
  const open = new Map<string, number[]>();
  const [one, other] = runs;
  for (let event = 0; event < other.events.shown; event++) {
    const name = key(other, event);
    const there = open.get(name);
    if (there) there.push(event);
    else open.set(name, [event]);
  }
  const only = runs.map((run) => new Array<boolean>(run.events.shown).fill(true));
  for (let event = 0; event < one.events.shown; event++) {
    const match = open.get(key(one, event))?.shift();
    if (match === undefined) continue;
    only[0]![event] = false;
    only[1]![match] = false;
  }
  const follows = runs.map((run, side) => {
    const found = new Array<boolean>(run.events.shown).fill(false);
    for (let event = 0; event < run.events.shown; event++) {
      const cause = run.cause[event]!;
      found[event] = cause >= 0 && (only[side]![cause]! || found[cause]!);
    }
    return found;
  });
  const tag = (side: number, event: number) => {
    if (!only[side]![event]) return "both";
    const who = `only ${NAMES[side]!}`;
    return follows[side]![event] ? `${who}, follows` : who;
  };
  const entries: Entry[] = [];
  const at = [0, 0];
  const step = (side: number) => (at[side]! < runs[side]!.events.shown ? runs[side]!.step[at[side]!]! : Infinity);
  while (step(0) < Infinity || step(1) < Infinity) {
    const side = step(0) <= step(1) ? 0 : 1;
    const event = at[side]!++;
    // Events of both runs are listed once.
    if (side === 0 || only[1]![event]) entries.push({ side, event, tag: tag(side, event), differs: only[side]![event]! });
  }
  return { entries, only, follows, first: entries.find(({ differs }) => differs) };
}

const NAMES = ["A", "B"];

/** Shifts the later of two runs so that equal dates have the same position. */
function align([one, other]: [Run, Run]): void {
  const [first, second] = [one.data.dates[0] ?? "", other.data.dates[0] ?? ""];
  if (first === second || first === "" || second === "") return;
  const later = one.data.dates.indexOf(second);
  if (later > 0) other.shift(later);
  else one.shift(Math.max(0, other.data.dates.indexOf(first)));
}

export function comparePage(runs: [Run, Run]): HTMLElement {
  align(runs);
  const difference = compare(runs);
  const steps = Math.max(...runs.map((run) => run.steps));
  const app = new App(steps, Math.max(...runs.map((run) => run.data.steps - 1)));
  keys(app);
  const names = runs.map((run, side) => `${NAMES[side]!}: ${run.data.folder}`);
  const longer = runs[0].steps >= runs[1].steps ? runs[0] : runs[1];
  const differs = (commitment: number, step: number) => runs[0].members[commitment]!.some((member) => runs[0].stateName(member, step) !== runs[1].stateName(member, step));
  const pair = (view: (run: Run, side: number) => HTMLElement) => h("div", { class: "pair" }, ...runs.map((run, side) => half(names[side]!, side, view(run, side))));
  return h(
    "div",
    { class: "compare" },
    head(app, runs, names, difference, differs),
    scrubber(app, longer),
    panel("Who waits for whom", h("p", { class: "note" }, "A thick border marks a commitment whose state differs at this step."), pair((_, side) => graphView(app, runs, side, differs))),
    panel("What would open the deadlock", pair((run, side) => answerView(app, run, side))),
    panel("What happened when", pair((run, side) => timeline(app, run, side, 2))),
    panel("Commitments over time", pair((run, side) => lanesView(app, run, side, 2))),
    panel("Numbers over time", chartsView(app, runs, names)),
    eventsView(app, runs, difference.entries),
    detailView(app, runs, names),
  );
}

/** One side of a pair, labelled with the name of its run. */
function half(name: string, side: number, view: HTMLElement): HTMLElement {
  const box = h("div", {}, h("h3", { class: `side side-${side}` }, name), view);
  for (const region of box.querySelectorAll("[role=region], section[aria-label]")) region.setAttribute("aria-label", `${region.getAttribute("aria-label")!}, ${name}`);
  return box;
}

function head(app: App, runs: [Run, Run], names: string[], difference: Difference, differs: (commitment: number, step: number) => boolean): HTMLElement {
  const { first, only } = difference;
  const sides = runs.map((run, side) => h("section", { class: "panel", "aria-label": names[side]! }, h("h2", { class: `side side-${side}` }, names[side]!), outcomeLine(run), remake(run)));
  const parts: Child[] = [];
  runs.forEach((run, side) => {
    // Forks that the other run does not have.
    const others = runs[1 - side]!.data.manifest.forks;
    run.data.manifest.forks.forEach((fork, at) => {
      if (JSON.stringify(fork) === JSON.stringify(others[at])) return;
      const what = listed(fork.changes, 12) || "nothing changed";
      parts.push(h("p", {}, `${NAMES[side]!} goes on from ${stepLabel(run, fork.at + run.offset)} with ${what}.`));
    });
  });
  if (!first) {
    parts.push(h("p", { class: "headline" }, "The two runs have the same events."));
  } else {
    const run = runs[first.side]!;
    const step = run.step[first.event]!;
    const number = only.map((side) => side.filter((is) => is).length);
    parts.push(
      h("p", { class: "headline" }, `Equal until they diverge on ${stepLabel(run, step)}: from then on ${count(number[0]!, "event")} only in A, ${count(number[1]!, "event")} only in B.`),
      h("p", {}, "The first that differs: ", button(`${NAMES[first.side]!}: ${sentence(run, first.event)}`, () => app.selectEvent(first.side, first.event, step), { class: "link" })),
    );
  }
  const ends = first ? byCommitment(app, runs, differs) : null;
  return h("header", { class: "head" }, h("h1", {}, runs[0].data.title), ...parts, h("div", { class: "pair" }, ...sides), ends);
}

/** The commitments that end in different states. */
function byCommitment(app: App, runs: [Run, Run], differs: (commitment: number, step: number) => boolean): HTMLElement {
  const last = Math.max(...runs.map((run) => run.data.steps));
  const list = h("ul", { class: "ends" });
  const state = (run: Run, commitment: number) => {
    const counts = new Map<string, number>();
    for (const member of run.members[commitment]!) {
      const word = stateWord(run.stateName(member, last));
      counts.set(word, (counts.get(word) ?? 0) + 1);
    }
    return run.members[commitment]!.length === 1 ? [...counts.keys()][0]! : [...counts].map(([word, number]) => `${number} ${word}`).join(", ");
  };
  runs[0].data.model.commitments.forEach(({ id }, commitment) => {
    if (!differs(commitment, last)) return;
    list.append(h("li", {}, button(id, () => app.selectCommitment(1, commitment), { class: "link" }), `: ${state(runs[0], commitment)} in A, ${state(runs[1], commitment)} in B`));
  });
  const number = list.childElementCount;
  if (number === 0) return h("p", {}, "All commitments end in the same state.");
  return h("details", { open: number <= 6 }, h("summary", {}, `${count(number, "commitment")} ${number === 1 ? "ends" : "end"} in another state`), list);
}
