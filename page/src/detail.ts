// Details of the selected event or commitment: its causes and effects, or its needs.

import type { App, Run } from "./data";
import { button, h, icon, set, type Child } from "./dom";
import { count, debtors, gift, sentence, stateWord, stepLabel } from "./words";

/** The largest number of effects, members or events in a list. */
const LISTED = 100;

export function detailView(app: App, runs: Run[], names: string[]): HTMLElement {
  const box = h("aside", { class: "detail", "aria-label": "What is selected", hidden: true });
  app.watch((state, before) => {
    const { selection } = state;
    if (selection === before.selection && (selection?.kind !== "commitment" || state.step === before.step) && box.childElementCount > 0) return;
    box.hidden = selection === null;
    document.body.classList.toggle("with-detail", selection !== null);
    if (!selection) return;
    const run = runs[selection.side]!;
    const close = button(icon("close", 14), () => app.change({ selection: null }), { class: "close", "aria-label": "Close (Escape)" });
    const which = names.length > 1 ? h("p", { class: "note" }, names[selection.side]!) : null;
    const content = selection.kind === "event" ? eventDetail(app, run, selection.side, selection.event) : commitmentDetail(app, run, selection.side, selection.commitment);
    set(box, close, which, ...content);
    if (selection !== before.selection) box.scrollTop = 0;
  });
  return box;
}

function eventLink(app: App, run: Run, side: number, event: number): HTMLElement {
  const label = h("span", {}, h("span", { class: "date" }, stepLabel(run, run.step[event]!)), " ", sentence(run, event), h("span", { class: "seq" }, ` event ${run.cell("seq", event)}`));
  return button(label, () => app.selectEvent(side, event, run.step[event]!), { class: "link event-link" });
}

function eventDetail(app: App, run: Run, side: number, event: number): Child[] {
  const family = run.family(event);
  const instance = run.instance(run.cell("subject", event));
  const chain = run.chain(event).slice(1);
  const cells = h("dl", { class: "cells" });
  for (const name of run.events.names) {
    const cell = run.cell(name, event);
    if (cell !== "" && name !== "run") cells.append(h("dt", {}, name), h("dd", {}, cell));
  }
  const causes = h("ol", { class: "causes" });
  for (const cause of chain.slice(0, LISTED)) causes.append(h("li", {}, eventLink(app, run, side, cause)));
  const nodes: Child[] = [
    h("h2", {}, icon(family, 16), ` ${sentence(run, event)}`),
    h("p", { class: "note" }, `${stepLabel(run, run.step[event]!)}, event ${run.cell("seq", event)}`),
    h("h3", {}, chain.length > 0 ? "Because of" : "Nothing in the run caused it"),
    chain.length > 0 && causes,
    chain.length > LISTED && h("p", { class: "note" }, `and ${chain.length - LISTED} more`),
    h("h3", {}, "What followed from it"),
    followed(app, run, side, event, 0),
  ];
  if (instance !== undefined) {
    const commitment = run.data.model.instances[instance]![1];
    nodes.push(h("p", {}, button(`The promise ${run.data.model.commitments[commitment]!.id}`, () => app.selectCommitment(side, commitment), { class: "link" })));
  }
  nodes.push(h("details", {}, h("summary", {}, "Its row in events.csv"), cells));
  return nodes;
}

/** The effects of an event as a tree; deeper levels unfold. */
function followed(app: App, run: Run, side: number, event: number, depth: number): HTMLElement {
  const effects = run.effects(event);
  if (effects.length === 0) return h("p", { class: "note" }, "Nothing.");
  const list = h("ul", { class: "effects" });
  for (const effect of effects.slice(0, LISTED)) {
    const item = h("li", {}, eventLink(app, run, side, effect));
    const further = run.effects(effect).length;
    if (further > 0 && depth < 2 && effects.length <= 12) {
      item.append(followed(app, run, side, effect, depth + 1));
    } else if (further > 0) {
      const fold = h("details", {}, h("summary", {}, `${count(further, "further effect")}`));
      fold.addEventListener("toggle", () => {
        if (fold.open && fold.childElementCount === 1) fold.append(followed(app, run, side, effect, depth + 1));
      });
      item.append(fold);
    }
    list.append(item);
  }
  if (effects.length > LISTED) list.append(h("li", { class: "note" }, `and ${effects.length - LISTED} more`));
  return list;
}

function commitmentDetail(app: App, run: Run, side: number, commitment: number): Child[] {
  const declared = run.data.model.commitments[commitment]!;
  const members = run.members[commitment]!;
  const { step } = app.state;
  const to = declared.creditor ? ` to ${run.actorName(declared.creditor)}` : "";
  const nodes: Child[] = [
    h("h2", {}, `${debtors(run, commitment)}: ${gift(run, commitment, step)}${to}`),
    h("p", { class: "note" }, `${declared.id}${declared.maintain ? ", kept up rather than handed over once" : ""}`),
  ];
  if (members.length === 1) {
    const name = run.stateName(members[0]!, step);
    nodes.push(h("p", { class: "stands" }, h("span", { class: `key state-${name}` }, icon(name, 14)), ` ${stateWord(name)} after ${stepLabel(run, step)}`));
  }
  nodes.push(...wants(run, members, step), conditions(run, commitment), ...deliveries(run, members));
  if (members.length > 1) nodes.push(memberList(run, members, step));
  nodes.push(h("h3", {}, "What happened to it"), history(app, run, side, new Set(members)));
  return nodes;
}

function wants(run: Run, members: number[], step: number): Child[] {
  const own = new Set(members);
  const lacks = (run.lacks(step) ?? []).filter(([, instances]) => instances.some((one) => own.has(one)));
  if (lacks.length === 0) return [];
  const list = h("ul", {});
  for (const [text, instances] of lacks.slice(0, LISTED)) {
    const some = instances.filter((one) => own.has(one));
    const who = members.length === 1 ? "" : some.length === 1 ? `${run.debtor(some[0]!)} ` : `${some.length} of ${members.length}: each `;
    list.append(h("li", {}, `${who}${text}`));
  }
  return [h("h3", {}, "What it waits for"), list];
}

const CONDITIONS = [
  ["offer", "is offered while"],
  ["when", "binds when"],
  ["while", "is kept up while"],
  ["until", "is done when"],
  ["release", "is released when"],
] as const;

function conditions(run: Run, commitment: number): HTMLElement {
  const declared = run.data.model.commitments[commitment]!;
  const list = h("dl", { class: "conditions" });
  for (const [key, words] of CONDITIONS) {
    const text = declared[key];
    if (text) list.append(h("dt", {}, words), h("dd", {}, h("code", {}, text)));
  }
  return list;
}

/** The rows of commitments.csv, which describe the end of the run. */
function deliveries(run: Run, members: number[]): Child[] {
  if (members.length > 1) return [];
  const name = run.data.model.instances[members[0]!]![0];
  const list = h("ul", {});
  for (let row = 0; row < run.commitments.shown; row++) {
    if (run.commitments.cell("commitment", row) !== name) continue;
    const cell = (column: string) => run.commitments.cell(column, row);
    list.append(h("li", {}, `${cell("resource")}: ${cell("delivered")} of ${cell("amount")} handed over`));
  }
  return [h("h3", {}, "At the end"), list];
}

function memberList(run: Run, members: number[], step: number): HTMLElement {
  const list = h("ul", { class: "members" });
  for (const member of members.slice(0, LISTED)) {
    const name = run.stateName(member, step);
    list.append(h("li", {}, h("span", { class: `key state-${name}` }, icon(name, 12)), ` ${run.debtor(member)}: ${run.promised(member, step)}, ${stateWord(name)}`));
  }
  if (members.length > LISTED) list.append(h("li", {}, `and ${members.length - LISTED} more`));
  return h("details", { open: members.length <= 12 }, h("summary", {}, `Its ${count(members.length, "promise")}, one for each debtor`), list);
}

function history(app: App, run: Run, side: number, members: Set<number>): HTMLElement {
  const list = h("ol", { class: "causes" });
  let number = 0;
  for (let event = 0; event < run.events.shown; event++) {
    const instance = run.instance(run.cell("subject", event));
    if (instance === undefined || !members.has(instance) || run.family(event) !== "promise") continue;
    if (++number <= LISTED) list.append(h("li", {}, eventLink(app, run, side, event)));
  }
  if (number > LISTED) list.append(h("li", { class: "note" }, `and ${number - LISTED} more`));
  if (number === 0) return h("p", { class: "note" }, "Nothing.");
  return list;
}
