// What each commitment waits for at a step, and the first moves that would resolve the deadlock, which can be
// simulated.

import type { App, Run, StandingData } from "./data";
import { button, h, icon, set } from "./dom";
import { count, instancesByCommitment, listed, stepLabel } from "./words";

/** Lines of needs that are shown before the rest is unfolded. */
const LINES = 12;

export function answerView(app: App, run: Run, side: number): HTMLElement {
  const head = h("p", { class: "headline", "aria-live": "polite" });
  const waits = h("div", {});
  const opens = h("div", {});
  let shownStep = -1;
  app.watch((state, before) => {
    if (state.step !== shownStep) {
      shownStep = state.step;
      const standing = run.standing(state.step);
      set(head, headline(run, standing, state.step));
      set(waits, ...lacking(app, run, side, standing, state.step));
    } else if (state.whatIf === before.whatIf) {
      return;
    }
    set(opens, ...opening(app, run, side));
  });
  return h("section", { class: "answer", "aria-label": "Who waits for what, and what would open it" }, head, opens, waits);
}

function headline(run: Run, standing: StandingData | undefined, step: number): string {
  const when = stepLabel(run, step);
  const gap = standing?.gap.length ?? 0;
  if (gap === 1) return `${when}: one offer stands that would hold if it were bound, and will not bind by itself.`;
  if (gap > 1) return `${when}: ${count(gap, "offer")} would all bind if they bound together; none of them will by itself.`;
  const offers = run.data.model.instances.filter((_, at) => run.stateName(at, step) === "conditional").length;
  if (offers === 0) return `${when}: no offer waits for anything.`;
  return `${when}: no deadlock. No set of the ${count(offers, "offer")} that ${offers === 1 ? "stands" : "stand"} would bind together.`;
}

function lacking(app: App, run: Run, side: number, standing: StandingData | undefined, step: number): Node[] {
  const lacks = run.lacks(step);
  if (lacks === null) return [h("p", { class: "note" }, "What each offer lacks is left out at this step, to keep the page small.")];
  const gap = new Set(standing?.gap ?? []);
  const rank = (instances: number[]) => (instances.some((one) => gap.has(one)) ? 0 : 1);
  const sorted = [...lacks].sort((a, b) => rank(a[1]) - rank(b[1]));
  if (sorted.length === 0) return [];
  const list = h("ul", { class: "lacks" });
  const [told, folded] = fold(run, sorted);
  told.forEach(([text, instances], at) => {
    const commitment = run.data.model.instances[instances[0]!]![1];
    const names = listed(instancesByCommitment(run, instances));
    const each = instances.length > 1 ? "each " : "";
    const item = h("li", { class: rank(instances) === 0 ? "in-gap" : "" }, button(names, () => app.selectCommitment(side, commitment), { class: "link" }), ` ${each}${text}`);
    const others = folded.get(instances[0]!);
    if (others) item.append(others);
    if (at >= LINES) item.hidden = true;
    list.append(item);
  });
  const nodes: Node[] = [...circles(run, standing), h("h3", {}, "Who waits for what"), list];
  if (told.length > LINES) {
    const more = button(`Show ${told.length - LINES} more`, () => {
      for (const item of list.children) (item as HTMLElement).hidden = false;
      more.remove();
    });
    nodes.push(more);
  }
  return nodes;
}

/** The circles of a step, with the names of their members. */
function circles(run: Run, standing: StandingData | undefined): Node[] {
  const found = standing?.circles ?? [];
  if (found.length === 0) return [];
  const list = h("ul", { class: "circles" });
  found.slice(0, LINES).forEach((circle, at) => {
    const names = listed(instancesByCommitment(run, circle), 20);
    list.append(h("li", {}, h("span", { class: "key circle-key" }, String(at + 1)), ` ${names} ${circle.length > 1 ? "wait for each other" : "waits for itself"}`));
  });
  const more = found.length > LINES ? [h("p", { class: "note" }, `and ${found.length - LINES} more`)] : [];
  return [h("h3", {}, found.length === 1 ? "The circle" : "The circles"), list, ...more];
}

/** Groups the instances of one commitment that want different amounts: one is shown, the others unfold. */
function fold(run: Run, lacks: [string, number[]][]): [[string, number[]][], Map<number, HTMLElement>] {
  const of = (instances: number[]) => {
    const commitments = new Set(instances.map((one) => run.data.model.instances[one]![1]));
    return commitments.size === 1 ? [...commitments][0]! : -1;
  };
  const numbers = new Map<number, number>();
  for (const [, instances] of lacks) numbers.set(of(instances), (numbers.get(of(instances)) ?? 0) + 1);
  const firsts = new Map<number, [string, number[]]>();
  const rest = new Map<number, [string, number[]][]>();
  const told: [string, number[]][] = [];
  for (const one of lacks) {
    const commitment = of(one[1]);
    if (commitment < 0 || numbers.get(commitment)! <= 2) {
      told.push(one);
    } else if (firsts.has(commitment)) {
      rest.get(commitment)!.push(one);
    } else {
      firsts.set(commitment, one);
      rest.set(commitment, []);
      told.push(one);
    }
  }
  const folded = new Map<number, HTMLElement>();
  for (const [commitment, others] of rest) {
    const list = h("ul", {});
    for (const [text, instances] of others) list.append(h("li", {}, `${listed(instances.map((one) => run.debtor(one)))}: ${text}`));
    const number = others.reduce((sum, [, instances]) => sum + instances.length, 0);
    const { id } = run.data.model.commitments[commitment]!;
    folded.set(firsts.get(commitment)![1][0]!, h("details", {}, h("summary", {}, `${count(number, "other promise")} of ${id} ${number === 1 ? "wants" : "want"} more or less of it`), list));
  }
  return [told, folded];
}

function opening(app: App, run: Run, side: number): Node[] {
  const { step } = app.state;
  const whatIf = app.state.whatIf?.side === side ? app.state.whatIf : null;
  const standing = run.standing(step);
  if (!standing || standing.gap.length === 0) return [];
  if (!standing.full) return [h("p", { class: "note" }, `First moves were not computed for this step; \`backstop explain DIR --at ${step}\` does.`)];
  const unlock = standing.unlock!;
  const heading = h("h3", {}, "What would open the deadlock");
  if (unlock.sets.length === 0) {
    return [heading, h("p", {}, unlock.exists ? "The search for first moves reached its limit before it found any." : "No set of first moves does.")];
  }
  const smallest = unlock.sets[0]!;
  if (smallest.moves.length === 0) return [heading, h("p", {}, "No first move is needed: everything binds by itself.")];
  const proof = unlock.proved ? "no smaller set does" : "a smaller set is not ruled out";
  const least = unlock.sets.filter((one) => one.cost === smallest.cost).length;
  const choice = least > 1 ? "Any of these, made" : "This, made";
  const intro = h("p", {}, `${choice} without waiting for the others (${count(smallest.moves.length, "first move")}; ${proof}). Start one to see what follows:`);
  const list = h("ul", { class: "sets" });
  unlock.sets.forEach((one, at) => {
    const isOn = whatIf?.set === at;
    const names = listed(instancesByCommitment(run, one.moves));
    const larger = one.cost === smallest.cost ? "" : " (larger, but no move in it can be left out)";
    const what = one.moves.length === 1 ? `: ${run.gives(one.moves[0]!)}` : "";
    const play = button(icon(isOn ? "pause" : "play", 14), () => app.change({ whatIf: isOn ? null : { side, step, set: at, round: 0 }, playing: false }), {
      class: "play",
      "aria-label": `${isOn ? "End" : "Play"} what follows if ${names} goes first`,
      "aria-pressed": isOn ? "true" : "false",
    });
    const item = h("li", {}, play, h("div", {}, h("strong", {}, names), `${what}${larger}`));
    if (isOn && whatIf) item.append(rounds(app, run, one.rounds, whatIf.round));
    list.append(item);
  });
  const nodes: Node[] = [heading, intro, list];
  const more = unlock.count - unlock.sets.length;
  if (more > 0) nodes.push(h("p", { class: "note" }, `and ${unlock.count_is_exact ? "" : "at least "}${count(more, "other set")}`));
  for (const [instance, least, all] of standing.enough ?? []) {
    const [name] = run.data.model.instances[instance]!;
    nodes.push(h("p", { class: "note" }, least === null ? `Of ${name}, to be bound is enough, whatever the amount.` : `Of ${name}, ${least} of ${all} is enough.`));
  }
  return nodes;
}

function rounds(app: App, run: Run, all: number[][], round: number): HTMLElement {
  const go = (to: number) => app.change({ whatIf: { ...app.state.whatIf!, round: Math.max(0, Math.min(all.length - 1, to)) } });
  const list = h("ol", { class: "rounds" });
  all.forEach((members, at) => {
    const names = listed(instancesByCommitment(run, members), 20);
    const label = at === 0 ? "goes first: " : "then bound: ";
    list.append(h("li", { class: at <= round ? "on" : "off", "aria-current": at === round ? "step" : undefined }, label, names));
  });
  const controls = h(
    "div",
    { class: "controls" },
    button("Back", () => go(round - 1), { disabled: round === 0 }),
    button("Next round", () => go(round + 1), { disabled: round >= all.length - 1 }),
    h("span", { "aria-live": "polite" }, ` round ${round + 1} of ${all.length}`),
  );
  return h("div", { class: "what-if" }, h("p", { class: "note" }, "What if: these events did not happen in the run; stances, trust and deliveries are held fixed."), list, controls);
}
