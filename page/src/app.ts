// The state of the views: the step, the selection and the what-if. Views redraw themselves when it changes.

export type Selection =
  | { kind: "event"; side: number; event: number }
  | { kind: "commitment"; side: number; commitment: number }
  | null;

/** First moves simulated from a step: the index of the set, and the number of rounds shown. */
export type WhatIf = { side: number; step: number; set: number; round: number } | null;

export interface State {
  step: number;
  selection: Selection;
  whatIf: WhatIf;
  playing: boolean;
}

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
