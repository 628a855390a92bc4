// The list of events with search and filters. Only visible rows are in the document.

import type { App, Run } from "./data";
import { h, icon, set } from "./dom";
import { count, sentence, stepLabel } from "./words";

const ROW = 32;
const CELLS = ["event", "subject", "actor", "counterpart", "resource", "issue", "value"];

/** Kinds that are hidden by default because there are very many of them. */
const QUIET = ["drawn", "stance", "anchor", "trust"];

/** A row of the list: an event, with a tag if two runs are compared. */
export interface Entry {
  side: number;
  event: number;
  /** Empty if only one run is shown. */
  tag: string;
  /** Whether only one of the runs has it. */
  differs: boolean;
}

/** All events of one run. */
export function entriesOf(run: Run): Entry[] {
  return Array.from({ length: run.events.shown }, (_, event) => ({ side: 0, event, tag: "", differs: false }));
}

export function eventsView(app: App, runs: Run[], entries: Entry[]): HTMLElement {
  const run = runs[0]!;
  const two = runs.length > 1;
  const texts: (string | undefined)[] = [];
  const text = (at: number) => {
    const { side, event } = entries[at]!;
    const of = runs[side]!;
    const cells = CELLS.map((name) => of.cell(name, event));
    return (texts[at] ??= `${sentence(of, event)} ${cells.join(" ")} ${of.data.dates[of.step[event]!] ?? ""}`.toLowerCase());
  };
  const kinds = kindFilter(runs, entries, () => filter());
  const side = 0;
  const onlyBox = h("input", { type: "checkbox", id: "differences", change: () => filter() });
  onlyBox.checked = two;
  const actor = choice(
    `actor${side}`,
    "Actor",
    run.data.model.actors.filter((_, at) => at < 500).map(([id, name]) => [id, name ?? id]),
    () => filter(),
  );
  const commitment = choice(
    `commitment${side}`,
    "Commitment",
    run.data.model.commitments.filter((_, at) => at < 500).map(({ id }) => [id, id]),
    () => filter(),
  );
  const search = h("input", { type: "search", id: `search${side}`, autocomplete: "off", spellcheck: "false", input: () => filter() });
  const status = h("p", { class: "note", role: "status" });
  const list = h("div", { class: "events", role: "listbox", tabindex: "0", "aria-label": "Events" });
  const space = h("div", { class: "space", role: "presentation" });
  const rows = h("div", { class: "rows", role: "presentation" });
  space.append(rows);
  list.append(space);
  let shown: number[] = [];
  let active = -1;

  const filter = () => {
    const words = search.value.toLowerCase().split(/\s+/).filter((word) => word !== "");
    const isOn = kinds.chosen();
    const [who, which] = [actor.value(), commitment.value()];
    shown = [];
    const only = two && onlyBox.checked;
    for (let at = 0; at < entries.length; at++) {
      const { side: of, event, differs } = entries[at]!;
      const own = runs[of]!;
      if (only && !differs) continue;
      if (!isOn.has(own.cell("event", event))) continue;
      if (who !== "" && own.cell("actor", event) !== who && own.cell("counterpart", event) !== who) continue;
      if (which !== "" && own.cell("subject", event).split("/")[0] !== which) continue;
      if (words.length > 0 && !words.every((word) => text(at).includes(word))) continue;
      shown.push(at);
    }
    space.style.height = `${shown.length * ROW}px`;
    list.hidden = shown.length === 0;
    set(status, `${count(shown.length, "event")} of ${count(entries.length, "event")}${runs.map(cutNotice).join("")}`);
    active = Math.min(active, shown.length - 1);
    draw();
  };

  const draw = () => {
    const first = Math.max(0, Math.floor(list.scrollTop / ROW) - 6);
    const last = Math.min(shown.length, first + Math.ceil((list.clientHeight || 420) / ROW) + 12);
    rows.style.transform = `translateY(${first * ROW}px)`;
    const { selection, step } = app.state;
    const nodes: Node[] = [];
    for (let at = first; at < last; at++) {
      const { side: of, event, tag, differs } = entries[shown[at]!]!;
      const own = runs[of]!;
      const isChosen = selection?.kind === "event" && selection.side === of && selection.event === event;
      const family = own.family(event);
      const later = own.step[event]! > step ? " later" : "";
      const names = `row${isChosen ? " chosen" : ""}${later}${at === active ? " active" : ""}${two ? " tagged" : ""}${differs ? ` only-${of}` : ""}`;
      const row = h(
        "div",
        { class: names, role: "option", id: `event${of}-${event}`, "aria-selected": isChosen ? "true" : "false", "aria-setsize": shown.length, "aria-posinset": at + 1 },
        two && h("span", { class: "tag" }, tag),
        h("span", { class: "seq" }, own.cell("seq", event)),
        h("span", { class: "date" }, stepLabel(own, own.step[event]!)),
        h("span", { class: `kind family-${family}` }, icon(family, 12), ` ${own.cell("event", event)}`),
        h("span", { class: "said" }, sentence(own, event)),
      );
      row.addEventListener("click", () => {
        active = at;
        app.selectEvent(of, event, own.step[event]!);
      });
      nodes.push(row);
    }
    rows.replaceChildren(...nodes);
    if (active >= first && active < last) list.setAttribute("aria-activedescendant", idOf(shown[active]!));
    else list.removeAttribute("aria-activedescendant");
  };

  const idOf = (at: number) => `event${entries[at]!.side}-${entries[at]!.event}`;
  const choose = (at: number) => {
    const { side: of, event } = entries[at]!;
    app.selectEvent(of, event, runs[of]!.step[event]!);
  };

  const reveal = (at: number) => {
    const top = at * ROW;
    if (top < list.scrollTop) list.scrollTop = top;
    else if (top + ROW > list.scrollTop + list.clientHeight) list.scrollTop = top + ROW - list.clientHeight;
  };

  list.addEventListener("scroll", draw, { passive: true });
  list.addEventListener("keydown", (event) => {
    const page = Math.max(1, Math.floor(list.clientHeight / ROW) - 1);
    const to = { ArrowDown: active + 1, ArrowUp: active - 1, PageDown: active + page, PageUp: active - page, Home: 0, End: shown.length - 1 }[event.key];
    if (to !== undefined && shown.length > 0) {
      active = Math.max(0, Math.min(shown.length - 1, to));
      reveal(active);
      choose(shown[active]!);
    } else if (event.key === "Enter" && active >= 0) {
      choose(shown[active]!);
    } else {
      return;
    }
    event.preventDefault();
    event.stopPropagation();
  });

  filter();
  app.watch((state, before) => {
    const { selection } = state;
    if (selection?.kind === "event" && selection !== before.selection) {
      const at = shown.findIndex((one) => entries[one]!.event === selection.event && entries[one]!.side === selection.side);
      if (at >= 0) {
        active = at;
        reveal(at);
      }
    } else if (state.step !== before.step && !list.contains(document.activeElement)) {
      const at = shown.findIndex((one) => runs[entries[one]!.side]!.step[entries[one]!.event]! >= state.step);
      if (at >= 0) list.scrollTop = at * ROW;
    }
    draw();
  });
  const fields = h(
    "div",
    { class: "filters" },
    h("div", { class: "field wide" }, h("label", { for: `search${side}` }, "Search (key /)"), search),
    actor.element,
    commitment.element,
    two && h("label", { class: "only", for: "differences" }, onlyBox, " only what differs"),
  );
  return h("section", { class: "panel events-panel", "aria-labelledby": `events-title${side}` }, h("h2", { id: `events-title${side}` }, "Events"), fields, kinds.element, status, list);
}

function cutNotice(run: Run): string {
  const left = run.events.rows - run.events.shown;
  return left > 0 ? `. The last ${count(left, "event")} of the run are left out of this page; events.csv has them` : "";
}

/** A box for each kind of event. */
function kindFilter(runs: Run[], entries: Entry[], change: () => void): { element: HTMLElement; chosen: () => Set<string> } {
  const numbers = new Map<string, number>();
  for (const { side, event } of entries) {
    const kind = runs[side]!.cell("event", event);
    numbers.set(kind, (numbers.get(kind) ?? 0) + 1);
  }
  const boxes: HTMLInputElement[] = [];
  const element = h("fieldset", { class: "kinds" }, h("legend", {}, "Kinds"));
  for (const [kind, number] of numbers) {
    const box = h("input", { type: "checkbox", value: kind, change });
    box.checked = !QUIET.includes(kind);
    boxes.push(box);
    element.append(h("label", {}, box, ` ${kind} `, h("span", { class: "number" }, String(number))));
  }
  return { element, chosen: () => new Set(boxes.filter((box) => box.checked).map((box) => box.value)) };
}

function choice(id: string, label: string, options: [string, string][], change: () => void): { element: HTMLElement; value: () => string } {
  const select = h("select", { id, change });
  select.append(h("option", { value: "" }, "all"));
  for (const [value, text] of options) select.append(h("option", { value }, text === value ? value : `${text} (${value})`));
  return { element: h("div", { class: "field" }, h("label", { for: id }, label), select), value: () => select.value };
}
