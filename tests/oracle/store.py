#!/usr/bin/env python3
"""Rewrites `cases.txt`: generated scenarios with what the oracle makes of them.

    python3 store.py             writes every case anew
    python3 store.py --explain SEED
                                 prints the explanations of one generated case, as `explain.json` has them

Each case is named by its seed, which is the seed of the generator and of the run. It has
`scenario.toml`, the four tables of `oracle.py run`, and `explain.json`: answers of `solve.py` about
states of the run. Those from 10,000 on also have `arguments.json`, moves that are added and a fork, with the tables
`moved.…` and `forked.…`. Before each file stands a line `==== SEED NAME`. The seeds are chosen so that every kind of
event, failing runs and deadlocks occur several times.
"""

import argparse
import collections
import json
import os
import sys
import tempfile
import tomllib

import generate
import oracle
import solve

HERE = os.path.dirname(os.path.abspath(__file__))
CASES = os.path.join(HERE, "cases.txt")

# Chosen by `choose` among the seeds 0 to 399.
SEEDS = [
    3, 11, 15, 22, 23, 31, 34, 44, 49, 50, 53, 58, 64, 65, 71, 72, 75, 99, 112, 113, 117, 118,
    132, 151, 162, 167, 168, 170, 177, 181, 201, 208, 215, 224, 227, 233, 238, 242, 244, 256,
    257, 262, 269, 278, 279, 288, 291, 294, 311, 323, 324, 327, 330, 340, 348, 360, 366, 377,
    387, 394,
]  # fmt: skip


# Chosen by `choose` among the seeds 10,000 to 10,249, of which each has moves and a fork.
MOVED = [10011, 10015, 10022, 10083, 10101, 10149, 10158, 10162, 10176, 10177, 10206, 10242]


def summary(seed):
    """What occurs in the run of a generated scenario."""
    text = generate.scenario(seed)
    run = oracle.simulate(tomllib.loads(text), seed=seed)
    kinds = collections.Counter({e["event"] for e in run.events})
    if seed >= generate.ALL_FEATURES:
        given = arguments(seed)
        moved, forked = with_arguments(text, seed, given)
        kinds["forked"] = forked is not None
        kinds["an amount"] = any("=" in move for move in given["run"] + given["move"])
        kinds["several amounts"] = any(":" in move for move in given["run"] + given["move"])
        kinds["a fork sets"] = bool(given["set"])
        for later in filter(None, (moved, forked)):
            kinds.update({f"moved: {e['event']}" for e in later.events[len(run.events) // 2 :]})
    kinds["the run failed"] = run.status != "ok"
    kinds["deadlocked"] = bool(run.gap)
    kinds["rows"] = len(run.events)
    return kinds


def arguments(seed):
    return generate.arguments(seed, generate.features_of(seed))


def with_arguments(text, seed, given):
    """The run with the moves that are added to it, and the fork of that, or none where there is none."""
    moves = [oracle.parse_move(move) for move in given["run"]]
    run = oracle.simulate(tomllib.loads(text), seed=seed, moves=moves)
    at = given["at"]
    if at is None or run.status != "ok" or at >= run.steps_run:
        return run, None
    then = [oracle.parse_move(move) for move in given["move"]]
    fork = at, oracle.parse_overrides(given["set"]), then
    return run, oracle.simulate(tomllib.loads(text), seed=seed, moves=moves, fork=fork)


def choose(count=60, seeds=range(400)):
    """Seeds that show every kind of event as evenly as they can; small runs first."""
    runs = {seed: summary(seed) for seed in seeds}
    seen, chosen = collections.Counter(), []
    while len(chosen) < count:
        def worth(seed):
            kinds = (k for k, n in runs[seed].items() if n and k != "rows")
            return sum(1 / (1 + seen[k]) ** 2 for k in kinds) / (60 + runs[seed]["rows"])

        best = max((s for s in runs if s not in chosen), key=worth)
        chosen.append(best)
        seen.update(k for k, n in runs[best].items() if n and k != "rows")
    return sorted(chosen), seen


def explanations(text, seed):
    """Questions about states of the run with their answers: where a gap is, and in the middle."""
    whole = oracle.simulate(tomllib.loads(text), seed=seed)
    last = whole.steps_run - 1 if whole.status == "ok" else whole.step - 1
    if last < 0:
        return []

    def solver(at):
        return solve.Solver(solve.state_at(lambda: tomllib.loads(text), seed=seed, at=at))

    with_gap = [at for at in range(last + 1) if solver(at).run.gap]
    found = []
    for at in sorted({last // 2, last, *with_gap[:1], *with_gap[-1:]}):
        state = solver(at)
        goals = [None]
        if state.open:
            goals += [name for name, _, _ in state.scenario.outcomes][:2]
        for goal in goals:
            costs = ["moves"]
            if state.run.gap:
                costs += ["declared", next(iter(state.scenario.resources))]
            for cost in costs:
                first = goal is None and cost == "moves"
                answer = solve.explain(state, goal, cost, summit=cost == "moves", keystones=first)
                found.append({"at": at, "cost": cost, **answer})
    return found


def write_explanations(found, file):
    json.dump(found, file, separators=(",", ":"))
    file.write("\n")


def write_case(seed, folder):
    """Writes the files of a case, each of which ends with a line feed."""
    text = generate.scenario(seed)
    run = oracle.simulate(tomllib.loads(text), seed=seed)
    oracle.write_run(run, folder, seed, 0)
    with open(os.path.join(folder, "scenario.toml"), "w", encoding="utf-8", newline="\n") as file:
        file.write(text + "\n")
    with open(os.path.join(folder, "explain.json"), "w", encoding="utf-8", newline="\n") as file:
        write_explanations(explanations(text, seed), file)
    if seed >= generate.ALL_FEATURES:
        write_moved(text, seed, folder)


def write_moved(text, seed, folder):
    """What the case becomes with moves that are added, and as a fork."""
    given = arguments(seed)
    with open(os.path.join(folder, "arguments.json"), "w", encoding="utf-8", newline="\n") as file:
        write_explanations(given, file)
    for kind, run in zip(("moved", "forked"), with_arguments(text, seed, given)):
        if run is None:
            continue
        with tempfile.TemporaryDirectory() as own:
            oracle.write_run(run, own, seed, 0)
            for name in os.listdir(own):
                os.replace(os.path.join(own, name), os.path.join(folder, f"{kind}.{name}"))


def main():
    sys.setrecursionlimit(10000)
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--explain", type=int, metavar="SEED")
    parser.add_argument("--choose", action="store_true")
    args = parser.parse_args()
    if args.choose:
        print(*choose(), sep="\n")
        print(*choose(12, range(generate.ALL_FEATURES, generate.ALL_FEATURES + 250)), sep="\n")
        return
    if args.explain is not None:
        write_explanations(explanations(generate.scenario(args.explain), args.explain), sys.stdout)
        return
    with open(CASES, "w", encoding="utf-8", newline="\n") as bundle, tempfile.TemporaryDirectory() as folder:
        for seed in SEEDS + MOVED:
            write_case(seed, folder)
            for name in sorted(os.listdir(folder)):
                with open(os.path.join(folder, name), encoding="utf-8", newline="") as file:
                    bundle.write(f"==== {seed:03} {name}\n{file.read()}")
                os.remove(os.path.join(folder, name))


if __name__ == "__main__":
    main()
