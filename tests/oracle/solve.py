#!/usr/bin/env python3
"""Section 7 by brute force: gap, wait-for graph, circles, unlock sets, summit sets, keystones.

    python3 solve.py FILE [--seed N] [--replicate K] [--set NAME=VALUE]... [--at STEP]
                     [--goal OUTCOME] [--cost moves|declared|RESOURCE] [--any]
                     [--summit] [--keystones] [--most EVALUATIONS]

Prints one JSON object in the shape of `explain --json`, without `blocked`. The state is
the one after the last Exchange of the step (default: of the last step that ran), before
its Delivery. Subsets are tried in order of size; supersets of a set that reaches the goal
are not minimal and are passed over. When more subsets remain than `--most` allows, only
the sizes that fit are searched and `proved` is false.
"""

import argparse
import itertools
import json
import math
import sys

import oracle
from oracle import RunFailure, evaluate, from_millionths, quantities_of


class Solver:
    def __init__(self, run, most=200_000):
        self.run = run
        self.scenario = run.scenario
        self.most = most
        self.instances = self.scenario.instances
        self.open = run.open_instances(self.instances)  # X
        _, self.high = run.find_gap(self.instances)  # G
        # A detached graded instance is a possible move only if it is in the gap.
        self.moves = [c for c in self.open if c.state != "detached" or c in run.gap]

    # -- hypothetical states -----------------------------------------------------------

    def save(self):
        return self.run.save()

    def restore(self, saved):
        self.run.restore(saved)

    def bind(self, c, amounts):
        """Binds an instance, or raises what it has, at given amounts (what it has now if more)."""
        c.state = "detached"
        if c.first_detached_step is None:
            c.first_detached_step = self.run.step
        c.given = {r: max(c.given[r], amounts[r]) for r in c.graded}

    def first_moves(self):
        """The amounts at which each possible move is made: of one in the gap those of G, of
        another its levels under G."""
        saved = self.run.suppose(self.high)
        levels = {c: {r: self.run.level(c, r) for r in c.graded} for c in self.moves}
        self.run.unsuppose(saved)
        return {c: self.high[c] if c in self.run.gap else levels[c] for c in self.moves}

    def settle(self):
        """The least fixed point of F above the state."""
        x = self.run.open_instances(self.instances)
        for c, amounts in self.run.fixed_point(x, self.run.present(x)).items():
            self.bind(c, amounts)

    def reaches(self, goal, moves):
        """Whether `moves`, made unconditionally, and all that follows reach the goal."""
        saved = self.save()
        try:
            amounts = self.first_moves()
            for c in moves:
                self.bind(c, amounts[c])
            self.settle()
            return self.goal_holds(goal, saved)
        finally:
            self.restore(saved)

    def package_reaches(self, goal, actors):
        """Whether the package of these actors and all that follows reach the goal."""
        saved = self.save()
        try:
            package, high = self.run.find_gap([c for c in self.instances if c.debtor in actors])
            for c in package:
                self.bind(c, high[c])
            self.settle()
            return self.goal_holds(goal, saved)
        finally:
            self.restore(saved)

    def goal_holds(self, goal, saved):
        if goal is None:
            return all(
                c.state == "detached"
                and all(oracle.is_close(self.high[c][r], c.given[r]) for r in c.graded)
                for c in saved[2][2]
            )
        self.run.gap, _ = self.run.find_gap(self.instances)  # an outcome may read `deadlocked`
        return evaluate(goal, self.run.nobody)

    # -- who waits for whom ------------------------------------------------------------

    def comparisons(self, node):
        """Every comparison of a condition, with whether it stands under an odd number of nots."""
        found = []

        def walk(n, odd):
            if n[0] == "name":
                if n[1] in self.scenario.definitions:
                    walk(self.scenario.definitions[n[1]], odd)
            elif n[0] != "q":
                if n[0] == "cmp":
                    found.append((n, odd))
                for part in n[1:]:
                    if isinstance(part, tuple):
                        walk(part, odd != (n[0] == "not"))

        walk(node, False)
        return found

    def waits(self):
        edges = []
        for c in self.run.gap:
            context = self.run.contexts[c.name]
            in_the_way = []
            key = {"conditional": "when", "pending": "while", "detached": None}[c.state]
            for comparison, odd in self.comparisons(c.commitment.conditions[key]) if key else []:
                try:
                    if evaluate(comparison, context) == odd:
                        in_the_way += quantities_of(comparison, self.scenario.definitions)
                except RunFailure:
                    pass  # a part that the condition itself may never look at
            for r, (node, _) in c.graded.items():
                if self.run.level(c, r) < self.high[c][r]:
                    in_the_way += quantities_of(node, self.scenario.definitions)
            for other in self.run.gap:
                before = [context.quantity(*q[1:]) for q in in_the_way]
                saved = self.run.suppose({other: self.high[other]})
                after = [context.quantity(*q[1:]) for q in in_the_way]
                self.run.unsuppose(saved)
                if before != after:
                    edges.append((c, other))
        return edges

    def circles(self, edges):
        """Strongly connected components with an edge inside, by mutual reachability."""
        reach = {c.name: {c.name} for c in self.run.gap}
        changed = True
        while changed:
            changed = False
            for a, b in edges:
                for names in reach.values():
                    if a.name in names and b.name not in names:
                        names.add(b.name)
                        changed = True
        found, done = [], set()
        for c in self.run.gap:
            if c.name in done:
                continue
            component = [
                d.name for d in self.run.gap if d.name in reach[c.name] and c.name in reach[d.name]
            ]
            done.update(component)
            if len(component) > 1 or any(a is b is c for a, b in edges):
                found.append(component)
        return found

    # -- minimal sets ------------------------------------------------------------------

    def minimal_sets(self, universe, reaches):
        """All minimal subsets that reach the goal, and whether the search was complete."""
        found, spent = [], 0
        for size in range(len(universe) + 1):
            spent += math.comb(len(universe), size)
            if spent > self.most:
                return found, False
            for subset in itertools.combinations(universe, size):
                if any(small <= set(subset) for small in found):
                    continue
                if reaches(subset):
                    found.append(frozenset(subset))
        return found, True

    def cost_of(self, moves, cost):
        if cost == "moves":
            return len(moves)
        if cost == "declared":
            total = 0.0
            for c in moves:
                total += c.cost
            return total
        amounts = self.first_moves()
        return from_millionths(sum(self.added(c, cost, amounts[c]) for c in moves))

    def added(self, c, resource, amounts):
        """What a move adds of a resource to what is bound."""
        after = max(c.given[resource], amounts[resource]) if resource in c.graded else c.amounts.get(resource, 0)
        return after - c.bound(resource)

    def answer(self, found, proved, order, cost, name, key):
        sets = []
        for members in found:
            members = sorted(members, key=order)
            sets.append((cost(members), [name(m) for m in members]))
        sets.sort()
        least = sets[0][0] if sets and proved else None
        return {
            "lower": least,
            "upper": sets[0][0] if sets else None,
            "proved": proved,
            "count": len(sets),
            "sets": [{"cost": c, key: names} for c, names in sets],
        }

    def unlock(self, goal, cost):
        found, proved = self.minimal_sets(self.moves, lambda u: self.reaches(goal, u))
        return self.answer(
            found, proved, self.instances.index, lambda m: self.cost_of(m, cost),
            lambda c: c.name, "moves",
        )  # fmt: skip

    def summit(self, goal):
        debtors = {c.debtor for c in self.open}
        universe = [a.id for a in self.scenario.actors if a.id in debtors]
        found, proved = self.minimal_sets(universe, lambda a: self.package_reaches(goal, a))
        return self.answer(found, proved, self.scenario.position.get, len, str, "actors")

    # -- keystones ---------------------------------------------------------------------

    def suspend(self, c):
        c.state = "pending"
        if c.commitment.maintain:
            c.delivered = {r: 0 for r in c.delivered}

    def unravel(self):
        """Rounds of suspensions where `while` fails, until a round suspends nothing."""
        waves = []
        while True:
            wave = [
                c for c in self.instances if c.state == "detached" and not self.run.holds(c, "while")
            ]
            if not wave:
                return waves
            for c in wave:
                self.suspend(c)
            waves.append([c.name for c in wave])

    def keystones(self):
        saved = self.save()
        anyway = {name for wave in self.unravel() for name in wave}
        self.restore(saved)
        found = []
        for a in self.scenario.actors:
            own = [c for c in self.instances if c.debtor == a.id and c.state == "detached"]
            if not own:
                continue
            for c in own:
                self.suspend(c)
            waves = [[n for n in wave if n not in anyway] for wave in self.unravel()]
            waves = [wave for wave in waves if wave]
            self.restore(saved)
            if waves:
                found.append({"actor": a.id, "waves": waves})
        return found


def state_at(load_document, seed=0, replicate=0, overrides=None, at=None):
    """The run as it stands after the last Exchange of a step (default: of the last)."""
    if at is None:
        whole = oracle.simulate(load_document(), seed, replicate, overrides)
        at = whole.steps_run - 1 if whole.status == "ok" else whole.step
    return oracle.simulate(load_document(), seed, replicate, overrides, halt_at=at)


def explain(solver, goal_name=None, cost="moves", any_one=False, summit=False, keystones=False):
    goal = None
    if goal_name is not None:
        goal = next(node for name, node, _ in solver.scenario.outcomes if name == goal_name)
    edges = solver.waits()
    result = {
        "step": solver.run.step,
        "goal": goal_name,
        "gap": [c.name for c in solver.run.gap],
        "waits": [{"from": a.name, "to": b.name} for a, b in edges],
        "circles": solver.circles(edges),
        "unlock": solver.unlock(goal, cost),
    }
    if any_one:
        result["unlock"]["sets"] = result["unlock"]["sets"][:1]
    if summit:
        result["summit"] = solver.summit(goal)
    if keystones:
        result["keystones"] = solver.keystones()
    return result


def main():
    sys.setrecursionlimit(10000)
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("file")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--replicate", type=int, default=0)
    parser.add_argument("--set", action="append", default=[])
    parser.add_argument("--at", type=int)
    parser.add_argument("--goal")
    parser.add_argument("--cost", default="moves")
    parser.add_argument("--any", action="store_true")
    parser.add_argument("--summit", action="store_true")
    parser.add_argument("--keystones", action="store_true")
    parser.add_argument("--most", type=int, default=200_000)
    args = parser.parse_args()
    run = state_at(
        lambda: oracle.load(args.file), args.seed, args.replicate,
        oracle.parse_overrides(args.set), args.at,
    )  # fmt: skip
    solver = Solver(run, args.most)
    result = explain(solver, args.goal, args.cost, args.any, args.summit, args.keystones)
    print(json.dumps(result, indent=2))


if __name__ == "__main__":
    main()
