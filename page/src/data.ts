// What the views show: the data embedded in the page with values derived from it, and the state: step, selection, what-if.

interface ColumnData {
  name: string;
  words: string[];
  rows?: number[];
}

export interface TableData {
  rows: number;
  shown: number;
  columns: ColumnData[];
}

export interface ManifestData {
  version: string;
  scenario: string;
  scenario_sha256: string;
  overrides: { name: string; value: number }[];
  /** What was set and which moves were added, in words. */
  changes: string[];
  forks: { at: number; changes: string[] }[];
  seed: string;
  replicate: string;
  runs: number;
  status: string | null;
  history_hash: string | null;
}

export interface CommitmentData {
  id: string;
  debtor: string;
  creditor: string | null;
  offer: string | null;
  when: string | null;
  while: string | null;
  until: string | null;
  release: string | null;
  maintain: boolean;
}

export interface UnlockData {
  sets: { cost: string; moves: number[]; rounds: number[][] }[];
  proved: boolean;
  count: number;
  count_is_exact: boolean;
  exists: boolean;
}

export interface StandingData {
  step: number;
  full: boolean;
  gap: number[];
  waits?: [number, number, number][];
  waits_complete?: boolean;
  circles?: number[][];
  unlock?: UnlockData;
  /** Of which commitment, how much is enough (null: to be bound, whatever the amount), and of how much. */
  enough?: [number, string | null, string][];
}

export interface RunData {
  kind: "run";
  folder: string;
  title: string;
  about: string;
  manifest: ManifestData;
  /** The values that the condition of the final outcome reads, in words. */
  reason: string;
  command: string[];
  steps: number;
  dates: string[];
  model: {
    actors: [string, string | null][];
    issues: string[];
    resources: [string, string | null][];
    commitments: CommitmentData[];
    /** Name, commitment, debtor, what it gives, and of the graded amounts among that their positions and resources. */
    instances: [string, number, number, string[], [number, string][]][];
    meetings: [string, string | null][];
    shocks: [string, string | null][];
    outcomes: { id: string; name: string | null; when: string | null }[];
    metrics: string[];
  };
  history: {
    stride: number;
    names: string[];
    states: [number, number][][];
    last: number[];
    stances: { issues: string[]; steps: [number, string[][]][] };
    lacks: [number, [string, number[]][] | null][];
    explained: StandingData[];
  };
  tables: Record<string, TableData>;
}

export interface SweepData {
  kind: "sweep";
  folder: string;
  title: string;
  about: string;
  manifest: ManifestData;
  names: string[];
  points: number;
  replicates: number;
  outcomes: [string, string | null][];
  metrics: string[];
  tables: Record<string, TableData>;
}

export interface PageData {
  format: number;
  program: string;
  version: string;
  subjects: (RunData | SweepData)[];
}

/** A table whose cells are the texts of the CSV file. */
export class Table {
  readonly rows: number;
  readonly shown: number;
  readonly names: string[];
  private readonly columns = new Map<string, ColumnData>();

  constructor(data: TableData) {
    this.rows = data.rows;
    this.shown = data.shown;
    this.names = data.columns.map((column) => column.name);
    for (const column of data.columns) this.columns.set(column.name, column);
  }

  has(name: string): boolean {
    return this.columns.has(name);
  }

  cell(name: string, row: number): string {
    const column = this.columns.get(name);
    if (!column) return "";
    return column.words[column.rows ? column.rows[row]! : row] ?? "";
  }

  /** The distinct texts of a column. */
  words(name: string): string[] {
    return this.columns.get(name)?.words ?? [];
  }

  numbers(name: string): number[] {
    const column = this.columns.get(name);
    if (!column) return [];
    const words = column.words.map((word) => (word === "" ? NaN : word === "inf" ? Infinity : Number(word)));
    return column.rows ? column.rows.map((at) => words[at]!) : words;
  }
}

/** The last index whose step is not after `step`; −1 if there is none. */
export function lastUpTo<T>(list: readonly T[], step: number, stepOf: (one: T) => number): number {
  let low = 0;
  let high = list.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (stepOf(list[middle]!) <= step) low = middle + 1;
    else high = middle;
  }
  return low - 1;
}

/** A category of events that the page shows alike. */
export type Family = "calendar" | "shock" | "move" | "promise" | "outcome" | "people" | "draw" | "other";

/** A run with indices for the views. */
export class Run {
  readonly events: Table;
  readonly series: Table;
  readonly commitments: Table;
  readonly row: Table;
  steps: number;
  /** The number of steps by which the run is shifted on the page. */
  offset = 0;
  /** By event: its cause, or −1. */
  readonly cause: Int32Array;
  readonly step: Int32Array;
  private readonly firstEffect: Int32Array;
  private readonly nextEffect: Int32Array;
  private readonly instanceOf = new Map<string, number>();
  private readonly actorOf = new Map<string, number>();
  /** By commitment: its instances. */
  readonly members: number[][];
  private readonly named = new Map<string, string>();
  /** The history of the graded amounts, once that one is asked for. */
  private raised: Map<string, [number, number][]> | undefined;

  constructor(readonly data: RunData) {
    this.events = new Table(data.tables.events!);
    this.series = new Table(data.tables.series!);
    this.commitments = new Table(data.tables.commitments!);
    this.row = new Table(data.tables.runs!);
    this.steps = Math.max(1, data.dates.length);
    const count = this.events.shown;
    this.step = Int32Array.from(this.events.numbers("step"));
    this.cause = Int32Array.from(this.events.numbers("cause").map((cause) => (Number.isNaN(cause) ? -1 : cause)));
    this.firstEffect = new Int32Array(count).fill(-1);
    this.nextEffect = new Int32Array(count).fill(-1);
    for (let event = count - 1; event >= 0; event--) {
      const cause = this.cause[event]!;
      if (cause < 0) continue;
      this.nextEffect[event] = this.firstEffect[cause]!;
      this.firstEffect[cause] = event;
    }
    data.model.instances.forEach(([name], at) => this.instanceOf.set(name, at));
    data.model.actors.forEach(([id], at) => this.actorOf.set(id, at));
    this.members = data.model.commitments.map(() => []);
    data.model.instances.forEach(([, commitment], at) => this.members[commitment]!.push(at));
    const { meetings, shocks, outcomes } = data.model;
    for (const [id, name] of [...meetings, ...shocks]) if (name) this.named.set(id, name);
    for (const { id, name } of outcomes) if (name) this.named.set(id, name);
  }

  /** Shifts the run by some steps, to align it with one that began earlier. */
  shift(by: number): void {
    if (by === 0) return;
    this.step.forEach((step, at) => (this.step[at] = step + by));
    const { history } = this.data;
    for (const states of history.states) for (const change of states) change[0] += by;
    for (const one of history.stances.steps) one[0] += by;
    for (const one of history.lacks) one[0] += by;
    for (const one of history.explained) one.step += by;
    this.data.dates.unshift(...new Array<string>(by).fill(""));
    this.data.steps += by;
    this.steps += by;
    this.offset = by;
  }

  cell(name: string, event: number): string {
    return this.events.cell(name, event);
  }

  /** The direct effects of an event, in the order of the log. */
  effects(event: number): number[] {
    const found: number[] = [];
    for (let at = this.firstEffect[event]!; at >= 0; at = this.nextEffect[at]!) found.push(at);
    return found;
  }

  /** An event and its causes, latest first. */
  chain(event: number): number[] {
    const found = [event];
    for (let at = this.cause[event]!; at >= 0; at = this.cause[at]!) found.push(at);
    return found;
  }

  instance(name: string): number | undefined {
    return this.instanceOf.get(name);
  }

  actorName(id: string): string {
    const at = this.actorOf.get(id);
    return at === undefined ? id : (this.data.model.actors[at]![1] ?? id);
  }

  /** A meeting, shock or outcome by its name for people. */
  thing(id: string): string {
    return this.named.get(id) ?? id;
  }

  family(event: number): Family {
    const kind = this.cell("event", event);
    if (this.instanceOf.has(this.cell("subject", event)) && kind !== "drawn") return "promise";
    return FAMILIES[kind] ?? "other";
  }

  firstEventOf(step: number): number {
    return lastUpTo(this.step as unknown as readonly number[], step - 1, (one) => one) + 1;
  }

  /** The index of the state of an instance at the end of a step. */
  state(instance: number, step: number): number {
    const history = this.data.history.states[instance]!;
    const at = lastUpTo(history, step, ([from]) => from);
    if (step >= this.data.steps) return this.data.history.last[instance]!;
    return at < 0 ? 0 : history[at]![1];
  }

  stateName(instance: number, step: number): string {
    return this.data.history.names[this.state(instance, step)]!;
  }

  /** What each offer lacks at a step; null if that was left out. */
  lacks(step: number): [string, number[]][] | null {
    const { lacks } = this.data.history;
    const at = lastUpTo(lacks, step, ([from]) => from);
    return at < 0 ? [] : lacks[at]![1];
  }

  /** The explanation of a step; undefined before the first. */
  standing(step: number): StandingData | undefined {
    const { explained } = this.data.history;
    return explained[lastUpTo(explained, step, (one) => one.step)];
  }

  outcome(): string {
    return this.row.cell("outcome", 0);
  }

  /** What an instance declares to give: of a graded amount the limit. */
  gives(instance: number): string {
    return this.data.model.instances[instance]![3].join(", ");
  }

  /** What an instance gives, graded amounts as they stand at the end of a step: `35 of up to 100 million`. */
  promised(instance: number, step: number): string {
    const [, , , gives, graded] = this.data.model.instances[instance]!;
    const texts = [...gives];
    for (const [at, resource] of graded) texts[at] = `${this.amount(instance, resource, step)} of ${texts[at]!}`;
    return texts.join(", ");
  }

  /** The graded amount of a resource that an instance has promised by the end of a step. */
  private amount(instance: number, resource: string, step: number): number {
    this.raised ??= this.raises();
    const history = this.raised.get(`${instance} ${resource}`) ?? [];
    const at = lastUpTo(history, step, ([from]) => from);
    return at < 0 ? 0 : history[at]![1];
  }

  /** By instance and resource, each step in which the amount changed, and what it changed to. */
  private raises(): Map<string, [number, number][]> {
    const found = new Map<string, [number, number][]>();
    for (let event = 0; event < this.events.shown; event++) {
      const kind = this.cell("event", event);
      if (kind !== "raised" && kind !== "renewed") continue;
      const instance = this.instance(this.cell("subject", event));
      if (instance === undefined) continue;
      for (const [, resource] of this.data.model.instances[instance]![4]) {
        if (kind === "raised" && this.cell("resource", event) !== resource) continue;
        const key = `${instance} ${resource}`;
        const history = found.get(key) ?? [];
        // A new round begins with nothing.
        history.push([this.step[event]!, kind === "raised" ? Number(this.cell("value", event)) : 0]);
        found.set(key, history);
      }
    }
    return found;
  }

  debtor(instance: number): string {
    const [id, name] = this.data.model.actors[this.data.model.instances[instance]![2]]!;
    return name ?? id;
  }
}

const FAMILIES: Record<string, Family> = {
  met: "calendar",
  agreed: "calendar",
  failed: "calendar",
  shock: "shock",
  moved: "move",
  stance: "people",
  anchor: "people",
  trust: "people",
  drawn: "draw",
  started: "outcome",
  reached: "outcome",
  ended: "outcome",
};

/** The selected event or commitment. */
export type Selection =
  | { kind: "event"; side: number; event: number }
  | { kind: "commitment"; side: number; commitment: number }
  | null;

/** First moves simulated from a step: the index of the set, and the number of rounds shown. */
export type WhatIf = { side: number; step: number; set: number; round: number } | null;

/** The step, the selection and the what-if. */
export interface State {
  step: number;
  selection: Selection;
  whatIf: WhatIf;
  playing: boolean;
}

/** The state of the views, which redraw themselves when it changes. */
export class App {
  state: State;
  private readonly listeners: ((state: State, before: State) => void)[] = [];

  constructor(
    readonly steps: number,
    step: number,
  ) {
    this.state = { step, selection: null, whatIf: null, playing: false };
  }

  /** Calls a view now and at every change. */
  watch(listener: (state: State, before: State) => void): void {
    this.listeners.push(listener);
    listener(this.state, this.state);
  }

  change(change: Partial<State>): void {
    const before = this.state;
    this.state = { ...before, ...change };
    this.state.step = Math.max(0, Math.min(this.steps - 1, this.state.step));
    // A what-if is removed when its step is left.
    if (this.state.whatIf && this.state.whatIf.step !== this.state.step) this.state.whatIf = null;
    for (const listener of this.listeners) listener(this.state, before);
  }

  go(step: number): void {
    this.change({ step });
  }

  selectEvent(side: number, event: number, step: number): void {
    this.change({ step, selection: { kind: "event", side, event }, playing: false });
  }

  selectCommitment(side: number, commitment: number): void {
    this.change({ selection: { kind: "commitment", side, commitment } });
  }
}
