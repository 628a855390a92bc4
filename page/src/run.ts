// The page of one run.

import { answerView } from "./answer";
import { App } from "./app";
import { chartsView } from "./charts";
import { detailView } from "./detail";
import type { ManifestData, Run } from "./data";
import { h, type Child } from "./dom";
import { eventsView } from "./events";
import { graphView } from "./graph";
import { keys } from "./keys";
import { lanesView } from "./lanes";
import { scrubber, timeline } from "./scrubber";
import { listed, stepLabel } from "./words";

export function runPage(run: Run): HTMLElement {
  const app = new App(run.steps, Math.max(0, run.data.steps - 1));
  keys(app);
  return h(
    "div",
    { class: "run" },
    header(run.data.title, run.data.about, run.data.manifest, [run]),
    scrubber(app, run),
    panel("What happened when", timeline(app, run, 0)),
    h("div", { class: "two" }, panel("Who waits for whom", graphView(app, [run], 0, () => false)), answerView(app, run, 0)),
    panel("Commitments over time", lanesView(app, run, 0)),
    panel("Numbers over time", chartsView(app, [run], [""])),
    eventsView(app, run, 0),
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
    reason = `It holds at the end${reached === "" ? "" : `, first reached ${stepLabel(run, Number(reached))}`}: ${declared.when ?? ""}`;
  } else {
    const gap = Number(run.row.cell("gap", 0));
    reason = gap > 0 ? `No outcome holds, and ${gap === 1 ? "1 offer waits" : `${gap} offers wait for each other`}.` : "No outcome holds, and no set of the offers that stand would bind together.";
  }
  const badge = h("span", { class: `badge-outcome outcome-${status !== "ok" ? "failed" : declared ? "reached" : outcome}` }, status !== "ok" ? "failed" : (declared?.name ?? outcome));
  return h("p", { class: "outcome" }, badge, " ", reason);
}

/** Title, outcome, and how the run is made again. */
export function header(title: string, about: string, manifest: ManifestData, runs: Run[]): HTMLElement {
  const run = runs[0]!;
  const [first, last] = [stepLabel(run, 0), stepLabel(run, run.steps - 1)];
  const facts: [string, string][] = [
    ["dates", run.data.dates[0] ? `${first} to ${last}, ${run.steps} steps` : `${run.steps} steps`],
    ["actors and commitments", `${run.data.model.actors.length} and ${run.data.model.instances.length}`],
    ["seed", manifest.replicate === "0" ? manifest.seed : `${manifest.seed}, replicate ${manifest.replicate}`],
    ["scenario", manifest.scenario],
    ["SHA-256 of the scenario", manifest.scenario_sha256],
    ["hash of the history", manifest.history_hash ?? ""],
    ["version", `backstop ${manifest.version}`],
  ];
  if (manifest.overrides.length > 0) facts.splice(3, 0, ["set", listed(manifest.overrides.map(({ name, value }) => `${name} = ${value}`), 20)]);
  for (const fork of manifest.forks) facts.splice(3, 0, [`forked at ${stepLabel(run, fork.at)}`, listed(fork.overrides.map(({ name, value }) => `${name} = ${value}`), 20) || "nothing set"]);
  const list = h("dl", { class: "facts" });
  for (const [name, value] of facts) list.append(h("dt", {}, name), h("dd", {}, value));
  const details = h("details", {}, h("summary", {}, "How this run is made again"), h("pre", { tabindex: "0" }, run.data.command.join("\n")), list);
  return h("header", { class: "head" }, h("h1", {}, title), about !== "" && h("p", { class: "about" }, about), ...runs.slice(0, 1).map(outcomeLine), details);
}
