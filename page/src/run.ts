// The page of one run.

import { answerView } from "./answer";
import { App } from "./app";
import { chartsView } from "./charts";
import { detailView } from "./detail";
import type { Run } from "./data";
import { h, type Child } from "./dom";
import { entriesOf, eventsView } from "./events";
import { graphView } from "./graph";
import { keys } from "./keys";
import { lanesView } from "./lanes";
import { scrubber, timeline } from "./scrubber";
import { listed, stepLabel } from "./words";

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

export function panel(title: string, ...content: Child[]): HTMLElement {
  const id = `title-${title.toLowerCase().replace(/[^a-z]+/g, "-")}`;
  return h("section", { class: "panel", "aria-labelledby": id }, h("h2", { id }, title), ...content);
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
