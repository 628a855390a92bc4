#!/usr/bin/env python3
"""An independent reference implementation of the Backstop simulator.

    python3 oracle.py run FILE [--seed N] [--replicate K] [--set NAME=VALUE]...
                      [--move C[=AMOUNT]@STEP]... [--at STEP [--then-set NAME=VALUE]...
                      [--then-move C[=AMOUNT]]...] --out DIR

It is a literal translation of the written specification, made without looking at
the main program, so that a disagreement between the two points at a mistake in one
of them or at a hole in the specification. Clarity comes before speed. It assumes a
valid scenario and gives no helpful diagnostics; a run that fails at run time (a NaN
in an expression, a negative rate) behaves as specified. With `--at` the run is forked there,
under the numbers and with the moves that follow.

Only the Python standard library is used. `arithmetic.py` has numbers and draws,
`expressions.py` the expression language, `documents.py` what stands in files,
`scenario.py` the scenario; this file has the run.
"""

import argparse
import copy
import csv
import math
import os
import sys

from arithmetic import INF, RunFailure, clip, from_millionths, libm_exp, ppnd16, show, to_millionths
from arithmetic import to_u, to_v
from documents import load, read_override
from expressions import evaluate, is_leaf, quantities_of
from scenario import Instance, Scenario

# ---------------------------------------------------------------------------------
# A run
# ---------------------------------------------------------------------------------

# Columns of `commitments.csv` that are written.
UPTO, ROUNDS = True, True
SWEEPS = 100_000

FINAL = {"satisfied": "satisfied", "violated": "violated", "expired": "expired", "released": "terminated"}
ENTRIES = {"created", "detached", "reactivated", "suspended", "cancelled", "renewed", *FINAL}
COLUMNS = [
    "run", "seq", "step", "date", "event", "actor", "counterpart", "subject", "issue",
    "resource", "value", "cause",
]  # fmt: skip


class Context:
    """Reads quantities for a commitment's instance, or (instance None) for nobody."""

    def __init__(self, run, instance=None):
        self.run, self.instance = run, instance

    def name(self, n):
        scenario = self.run.scenario
        if n in scenario.parameters:
            return scenario.parameters[n]
        return evaluate(scenario.definitions[n], self)

    def group(self, args, at):
        scenario = self.run.scenario
        if len(args) > at:
            return scenario.members(args[at])
        return [a.id for a in scenario.actors]

    def quantity(self, q, *args):
        run, scenario, asking = self.run, self.run.scenario, self.instance
        left_out = asking.debtor if asking else None
        if q in ("offered", "bound", "delivered"):
            resource, group = args[0], self.group(args, 1)
            level = {"offered": Instance.offered, "bound": Instance.bound, "delivered": Instance.deed}[q]
            total = 0
            for c in scenario.instances:
                if c.debtor in group and c.debtor != left_out:
                    total += level(c, resource)
                    if q == "delivered":
                        total += c.earlier.get(resource, 0)
            return from_millionths(total)
        if q == "assured":
            observer = args[2] if len(args) > 2 else asking.debtor
            return self.assured(args[0], self.group(args, 1), observer)
        if q == "parties":
            resource, count = args[0], 0
            for j in self.group(args, 1):
                if j != left_out and any(
                    c.debtor == j
                    and c.state in ("detached", "satisfied")
                    and not c.over_and_done()
                    and resource in c.amounts
                    for c in scenario.instances
                ):
                    count += 1
            return float(count)
        if q == "kept":
            return float(
                sum(
                    1
                    for c in scenario.instances_of(args[0])
                    if c is not asking and c.state == "satisfied"
                )
            )
        if q in ("pending", "violated", "expired", "terminated"):
            return float(sum(1 for c in scenario.instances_of(args[0]) if c.state == q))
        if q == "rounds":
            return float(sum(c.rounds for c in scenario.instances_of(args[0])))
        if q == "reached":
            return args[0] in run.reached
        if q == "members":
            return float(len(scenario.members(args[0])))
        if q == "data":
            return scenario.datum(args[0], run.step)
        if q in ("offers", "bonds"):
            states = {
                "offers": ("conditional", "detached", "satisfied"),
                "bonds": ("detached", "satisfied"),
            }[q]
            return float(
                sum(
                    1
                    for c in scenario.instances_of(args[0])
                    if c is not asking and c.state in states and not c.over_and_done()
                )
            )
        if q == "bound_at":
            steps = [c.first_detached_step for c in scenario.instances_of(args[0])]
            steps = [s for s in steps if s is not None]
            return float(min(steps)) if steps else INF
        if q == "stance":
            issue = asking.commitment.issue if asking else scenario.issues[0]
            if len(args) > 1:
                issue = args[1]
            if not args:
                return run.stance[asking.debtor, issue]
            if args[0] in scenario.actor:
                return run.stance[args[0], issue]
            group = scenario.members(args[0])
            total = 0.0
            for id in group:
                total += run.stance[id, issue]
            return total / len(group)
        if q == "trust":
            return run.trust(args[0], args[1])
        if q == "own":
            return scenario.actor[asking.debtor].attributes[args[0]]
        if q == "count":
            return float(run.occurred[args[0]][0])
        if q == "since":
            last = run.occurred[args[0]][1]
            return INF if last is None else float(run.step - last)
        if q == "deadlocked":
            return float(len(run.gap))
        if q == "step":
            return float(run.step)
        assert q == "steps", q
        return float(scenario.steps)

    def assured(self, resource, group, observer):
        scenario = self.run.scenario
        i = scenario.actor[observer]
        total = 0.0
        for j in group:
            if j == observer:
                continue
            o = b = d = 0
            for c in scenario.instances:
                if c.debtor != j:
                    continue
                c_d = c.deed(resource)
                c_b = max(c.bound(resource), c_d)
                c_o = max(c.offered(resource), c_b)
                # What earlier rounds delivered is a commitment of its own.
                earlier = c.earlier.get(resource, 0)
                o, b, d = o + c_o + earlier, b + c_b + earlier, d + c_d + earlier
            bonds = (i.credit_bond - i.credit_offer) * from_millionths(b - d)
            offers = i.credit_offer * from_millionths(o - d)
            total += from_millionths(d) + self.run.trust(observer, j) * (bonds + offers)
        return total


class Run:
    def __init__(self, scenario, halt_at=None, fork=None):
        """`halt_at`: stop for good after that step's last Exchange, before its Delivery.
        `fork`: (step, scenario from then on)."""
        self.scenario = scenario
        self.fork_at, self.fork_to = fork or (None, None)
        self.halt_at = halt_at
        self.events = []
        self.series = []  # (step, name, value)
        self.final_metrics = {}
        self.status = "ok"
        self.outcome = ""
        self.reached_step = None
        self.reached = {}  # outcome -> (seq, step) of its `reached`
        self.step = 0
        self.steps_run = 0
        self.gap = []
        self.stance = {(a.id, k): a.stance[k] for a in scenario.actors for k in scenario.issues}
        self.anchor = {(a.id, k): a.anchor[k] for a in scenario.actors for k in scenario.issues}
        self.alpha, self.beta = dict(scenario.alpha), dict(scenario.beta)
        # shocks, meetings and moves share one namespace: name -> (times, last step)
        self.occurred = {
            x.name: (0, None) for x in scenario.meetings + scenario.shocks + scenario.moves
        }
        self.met_event = {}  # meeting -> seq of its latest session's `met`
        self.contexts = {c.name: Context(self, c) for c in scenario.instances}
        self.nobody = Context(self)
        self.watch_levels()
        self.watch_truths()

    # -- reading the state -----------------------------------------------------------

    def trust(self, a, b):
        if a == b:
            return 1.0
        return self.alpha[a, b] / (self.alpha[a, b] + self.beta[a, b])

    def evaluate(self, node, context, place):
        try:
            return evaluate(node, context)
        except RunFailure as failure:
            raise RunFailure(f"{place} at step {self.step}: {failure}") from None

    def holds(self, instance, key):
        """Whether one of a commitment's conditions holds."""
        place = f"commitments.{instance.commitment.name}.{key}"
        return self.evaluate(instance.commitment.conditions[key], self.contexts[instance.name], place)

    # -- causes ------------------------------------------------------------------------
    # Every quantity of every `as` is evaluated, for its observer, before and after each event:
    # so the event that last changed its value is known.

    def watch_levels(self):
        self.changed = {}  # (quantity, instance's name or None) -> seq of the last change
        self.watched = {}  # the same key -> context
        scenario = self.scenario
        for c in scenario.instances:
            for node, _ in c.graded.values():
                self.watch(node, self.contexts[c.name])

    def watch_key(self, quantity, context):
        return quantity, context.instance.name if context.instance else None

    def watch(self, node, context):
        for quantity in quantities_of(node, self.scenario.definitions):
            if quantity[1] not in ("step", "steps", "deadlocked", "own", "data"):
                self.watched[self.watch_key(quantity, context)] = context

    def watched_values(self):
        return {
            key: context.quantity(*key[0][1:]) for key, context in self.watched.items()
        }

    def condition_cause(self, instance, key):
        return self.what_turned(instance.commitment.conditions[key], self.contexts[instance.name])

    # Every comparison of every condition, and every `reached`, has a truth and a time at which
    # it last took it. Times are numbered on: each event is one, and each passing of time.

    def watch_truths(self):
        self.times = [None]  # number of a time -> the event's seq, or None: time passed
        self.truths = {}  # (comparison, instance's name or None) -> (truth, number of its time)
        self.leaves = {}  # the same key -> context
        scenario = self.scenario
        for c in scenario.instances:
            for node in c.commitment.conditions.values():
                self.watch_leaves(node, self.contexts[c.name])
        for s in scenario.shocks + scenario.moves:
            if s.when:
                self.watch_leaves(s.when, self.nobody)
        for _, node, _ in scenario.outcomes:
            self.watch_leaves(node, self.nobody)
        self.look_at_truths()

    def watch_leaves(self, node, context):
        if is_leaf(node):
            self.leaves[self.watch_key(node, context)] = context
        elif node[0] == "name":
            if node[1] in self.scenario.definitions:
                self.watch_leaves(self.scenario.definitions[node[1]], context)
        elif node[0] != "q":
            for part in node[1:]:
                if isinstance(part, tuple):
                    self.watch_leaves(part, context)

    def look_at_truths(self):
        """Notes at the present time which comparisons have turned. One that cannot be worked
        out has no truth, and takes one when it can be worked out again."""
        for (node, name), context in self.leaves.items():
            try:
                truth = evaluate(node, context)
            except RunFailure:
                truth = None
            if truth != self.truths.get((node, name), (None, 0))[0]:
                self.truths[node, name] = truth, len(self.times) - 1

    def time_passes(self):
        self.times.append(None)
        self.look_at_truths()

    def turned(self, node, context):
        """The truth of a condition and the number of the time at which it took it; None if it
        cannot be worked out."""
        kind = node[0]
        if kind == "bool":
            return node[1], 0
        if is_leaf(node):
            truth = self.truths.get(self.watch_key(node, context))
            return truth if truth and truth[0] is not None else None
        if kind == "name":
            return self.turned(self.scenario.definitions[node[1]], context)
        if kind == "not":
            part = self.turned(node[1], context)
            return part and (not part[0], part[1])
        if kind in ("and", "or"):
            a, b = self.turned(node[1], context), self.turned(node[2], context)
            early = kind == "or"  # the truth of one operand that decides
            times = [part[1] for part in (a, b) if part and part[0] == early]
            if times:
                return early, min(times)
            return a and b and (not early, max(a[1], b[1]))
        assert node[:2] == ("call", "if"), node
        c = self.turned(node[2], context)
        branch = c and self.turned(node[3] if c[0] else node[4], context)
        return branch and (branch[0], max(c[1], branch[1]))

    def what_turned(self, node, context):
        """The event that turned a condition, or the commitment's entry into its state if that is
        later. Ask before the phase emits."""
        _, time = self.turned(node, context)
        entry = context.instance.entry if context.instance else None
        if entry is not None and self.times.index(entry) > time:
            return entry
        return self.times[time]

    # -- events ------------------------------------------------------------------------

    def emit(self, event, *, actor="", counterpart="", subject="", issue="", resource="",
             value=None, cause=None, instance=None):  # fmt: skip
        """Appends an event to the log and applies it to the state."""
        seq = len(self.events)
        if instance:
            actor, subject = instance.debtor, instance.name
            counterpart = instance.commitment.creditor or ""
        row = {
            "run": 0, "seq": seq, "step": self.step, "date": self.scenario.date_of(self.step),
            "event": event, "actor": actor, "counterpart": counterpart, "subject": subject,
            "issue": issue, "resource": resource, "value": value, "cause": cause,
        }  # fmt: skip
        before = self.watched_values()
        self.apply(row, instance)
        after = self.watched_values()
        for key in before:
            if before[key] != after[key]:
                self.changed[key] = seq
        if instance:
            instance.last_event = seq
            if event in ENTRIES:
                instance.entry = seq
        self.events.append(row)
        self.times.append(seq)
        self.look_at_truths()
        return seq

    def apply(self, row, c):
        event, step = row["event"], self.step
        if event in ("met", "shock", "moved"):
            times, _ = self.occurred[row["subject"]]
            self.occurred[row["subject"]] = (times + 1, step)
        elif event == "stance":
            self.stance[row["actor"], row["issue"]] = row["value"]
        elif event == "anchor":
            self.anchor[row["actor"], row["issue"]] = row["value"]
        elif event == "trust":
            pair = row["actor"], row["counterpart"]
            total = self.alpha[pair] + self.beta[pair]
            self.alpha[pair] = row["value"] * total
            self.beta[pair] = (1.0 - row["value"]) * total
        elif event == "created":
            c.state = "conditional"
            c.created_step = step
        elif event == "cancelled":
            c.state = "null"
        elif event == "detached":
            c.state = "detached"
            c.detached_step = step
            if c.first_detached_step is None:
                c.first_detached_step = step
            c.clock = 0
        elif event == "raised":
            c.given[row["resource"]] = to_millionths(row["value"])
        elif event == "renewed":
            c.state = "null"
            for r in c.amounts:
                if not c.commitment.maintain:
                    c.earlier[r] += c.delivered[r]
                c.delivered[r] = c.handed[r] = 0
            c.given = {r: 0 for r in c.graded}
            c.conduct_counts = True
            c.created_step = c.detached_step = c.settled_step = None
        elif event == "suspended":
            c.state = "pending"
            c.pending_since = step
            c.conduct_counts = c.conduct_counts and not c.commitment.maintain
            self.conduct(self.beta, c, self.scenario.suspended)
        elif event == "reactivated":
            c.state = "detached"
            if c.commitment.maintain:
                c.clock = 0  # the build-up starts again, lead included
        elif event == "delivered":
            c.delivered[row["resource"]] += to_millionths(row["value"])
            c.handed[row["resource"]] += 1
            if c.conduct_counts and c.handed[row["resource"]] <= c.over:
                self.conduct(self.alpha, c, self.scenario.kept / (c.over * len(c.amounts)))
        elif event == "withdrawn":
            c.delivered[row["resource"]] = 0
        elif event == "reached":
            self.reached[row["subject"]] = row["seq"], step
        elif event in FINAL:
            c.state = FINAL[event]
            c.settled_step = step
            if event == "satisfied":
                c.rounds += 1
            if event == "violated":
                self.conduct(self.beta, c, self.scenario.broken)

    def conduct(self, table, c, weight):
        """Adds to what each actor knows of the debtor's conduct."""
        for a in self.scenario.actors:
            if a.id == c.debtor:
                continue
            if a.id in c.commitment.creditors:
                table[a.id, c.debtor] += weight
            else:
                table[a.id, c.debtor] += weight * self.scenario.witness

    # -- failures ----------------------------------------------------------------------

    def save(self):
        instances = [
            {k: dict(v) if isinstance(v, dict) else v for k, v in vars(c).items()}
            for c in self.scenario.instances
        ]
        tables = ("stance", "anchor", "alpha", "beta", "occurred", "reached", "changed", "truths")
        return instances, {name: dict(getattr(self, name)) for name in tables}, (
            len(self.events), len(self.times), self.gap,
        )  # fmt: skip

    def restore(self, saved):
        instances, tables, (events, times, self.gap) = saved
        for c, before in zip(self.scenario.instances, instances):
            vars(c).update({k: dict(v) if isinstance(v, dict) else v for k, v in before.items()})
        for name, table in tables.items():
            setattr(self, name, dict(table))
        del self.events[events:], self.times[times:]

    def undone_by_failure(self, part, *args):
        """A failure leaves no event of the part of the run in which it occurs."""
        saved = self.save()
        try:
            return part(*args)
        except RunFailure:
            self.restore(saved)
            raise

    # -- the run -----------------------------------------------------------------------

    def run(self):
        scenario = self.scenario
        self.emit("started")
        for path in sorted(scenario.drawn, key=lambda p: p.encode("utf-8")):
            self.emit("drawn", subject=path, value=scenario.drawn[path])
        for c in scenario.instances:  # instance by instance
            if c.commitment.initial in ("conditional", "detached"):
                created = self.emit("created", instance=c)
                if c.commitment.initial == "detached":
                    self.emit("detached", instance=c, cause=created)
        try:
            while self.step < self.scenario.steps and not self.one_step():
                self.step += 1
            self.step = min(self.step, self.scenario.steps - 1)
            if self.halt_at is None:
                self.end()
        except RunFailure as failure:
            self.status = f"failed: {failure}"
        return self

    def one_step(self):
        """True if the run ends with this step."""
        if self.step == self.fork_at:
            self.go_on_under(self.fork_to)
        if self.step > 0:
            self.time_passes()
        self.calendar()
        self.stances()
        self.review()
        for m in self.scenario.moves:
            self.undone_by_failure(self.maybe_move, m)
        self.exchange()
        self.meetings()
        if self.halt_at == self.step:
            return True
        self.delivery()
        stop = self.undone_by_failure(self.outcomes)
        self.sampling()
        self.steps_run = self.step + 1
        return stop

    def go_on_under(self, scenario):
        """A fork: the numbers are the other scenario's, what has happened stays."""
        names = {c.name: c for c in scenario.instances}
        for old in self.scenario.instances:
            new = names[old.name]
            for key in Instance.STATE:
                value = getattr(old, key)
                setattr(new, key, dict(value) if isinstance(value, dict) else value)
            new.given = {r: min(x, new.amounts[r]) for r, x in new.given.items()}
        before = {x.name: x for x in self.scenario.shocks + self.scenario.moves}
        for x in scenario.shocks + scenario.moves:
            if x.name in before:
                x.held_before, x.happened = before[x.name].held_before, before[x.name].happened
            self.occurred.setdefault(x.name, (0, None))
        self.gap = [names[c.name] for c in self.gap]
        self.scenario = scenario
        self.contexts = {c.name: Context(self, c) for c in scenario.instances}
        changed, times, truths = self.changed, self.times, self.truths
        self.watch_levels()
        self.watch_truths()
        self.changed, self.times, self.truths = changed, times, truths

    def end(self):
        for name, node, _ in self.scenario.outcomes:
            if self.evaluate(node, self.nobody, f"outcomes.{name}.when"):
                self.outcome = name
                break
        else:
            self.outcome = "deadlock" if self.gap else "stalemate"
        seq, self.reached_step = self.reached.get(self.outcome, (None, None))
        self.emit("ended", subject=self.outcome, cause=seq)

    # Phase 1
    def calendar(self):
        for m in self.scenario.meetings:
            if self.step in m.begins:
                self.met_event[m.name] = self.emit("met", subject=m.name)
        for s in self.scenario.shocks:
            self.undone_by_failure(self.maybe_strike, s)

    def maybe_strike(self, s):
        cause = None
        if s.on is not None:
            strikes = self.step in s.on
        elif s.rate is not None:
            rate = self.evaluate(s.rate, self.nobody, f"shocks.{s.name}.rate")
            if rate < 0.0:
                raise RunFailure(f"shocks.{s.name}.rate at step {self.step}: is negative")
            probability = 1.0 - libm_exp(-rate)
            strikes = to_u(self.scenario.random.word(f"shock/{s.name}", self.step)) < probability
        else:
            if s.once and s.happened:
                return
            holds = self.evaluate(s.when, self.nobody, f"shocks.{s.name}.when")
            strikes = holds and not s.held_before
            s.held_before = holds
            cause = self.what_turned(s.when, self.nobody)
        if strikes:
            s.happened = True
            self.strike(s, cause)

    def strike(self, s, cause):
        shock = self.emit("shock", subject=s.name, cause=cause)
        for event, effects, values in (
            ("stance", s.stance, self.stance),
            ("anchor", s.anchor, self.anchor),
        ):
            for a in self.scenario.actors:
                for issue in self.scenario.issues:
                    change = 0.0
                    for ids, by in effects:
                        if a.id in ids:
                            change += by[issue]
                    new = clip(values[a.id, issue] + change, 0.0, 1.0)
                    if new != values[a.id, issue]:
                        self.emit(event, actor=a.id, issue=issue, value=new, cause=shock)
        for a in self.scenario.actors:
            for b in self.scenario.actors:
                if a is b:
                    continue
                change = 0.0
                for pairs, by in s.trust:
                    if (a.id, b.id) in pairs:
                        change += by
                old = self.trust(a.id, b.id)
                new = clip(old + change, 0.0, 1.0)
                if new != old:
                    self.emit("trust", actor=a.id, counterpart=b.id, value=new, cause=shock)

    # Phase 2 (simultaneous)
    def stances(self):
        scenario = self.scenario
        rows = {id: dict(row) for id, row in scenario.weights.items()}
        for m in scenario.meetings:
            if self.step in m.in_session:
                for i in m.attend:
                    for j in m.attend:
                        if i != j:
                            rows[i][j] = rows[i].get(j, 0.0) + m.influence
        changes = []
        for a in scenario.actors:
            row = [(j.id, rows[a.id][j.id]) for j in scenario.actors if j.id in rows[a.id]]
            total = 0.0
            for _, weight in row:
                total += weight
            for issue in scenario.issues:
                s, anchor = self.stance[a.id, issue], self.anchor[a.id, issue]
                m = 0.0
                for j, weight in row:
                    m += (weight / total) * self.stance[j, issue]
                z = ppnd16(to_v(scenario.random.word(f"stance/{a.id}/{issue}", self.step)))
                pull = a.susceptibility * m + (1.0 - a.susceptibility) * anchor
                new = clip(s + scenario.pace * (pull - s) + a.volatility * z, 0.0, 1.0)
                if abs(new - s) > 1e-12:
                    changes.append((a.id, issue, new))
        for actor, issue, new in changes:
            self.emit("stance", actor=actor, issue=issue, value=new)

    # Phase 3 (simultaneous)
    def review(self):
        decided = []
        for c in self.scenario.instances:
            event, key = self.review_one(c)
            if event:
                cause = c.last_event if key is None else self.condition_cause(c, key)
                again = event == "renewed" and self.holds(c, "offer")
                decided.append((c, event, cause, again))
        for c, event, cause, again in decided:
            self.emit(event, instance=c, cause=cause)
            if again:
                self.emit("created", instance=c, cause=c.last_event)
            if c.commitment.maintain and event in ("suspended", "violated", "released", "satisfied"):
                for resource, amount in c.delivered.items():
                    if amount > 0:
                        self.emit(
                            "withdrawn", instance=c, resource=resource,
                            value=from_millionths(amount), cause=c.last_event,
                        )  # fmt: skip

    def review_one(self, c):
        """The first that applies, with the condition that triggered it (None: none did)."""
        t, state = self.step, c.state
        if state in ("conditional", "detached", "pending") and self.holds(c, "release"):
            return "released", "release"
        if state in ("conditional", "null") and t >= c.expires:
            return "expired", None
        if state == "pending" and c.grace is not None and t - c.pending_since > c.grace:
            return "violated", None
        lapsed = (
            state in ("detached", "pending") and c.due is not None and t - c.detached_step > c.due
        )
        if c.graded and not c.commitment.maintain:
            if lapsed and not self.all_delivered(c):
                return "violated", None
            if state == "detached" and self.all_delivered(c):
                if self.holds(c, "until"):
                    return "satisfied", "until"
                if lapsed:
                    return "satisfied", None
        elif lapsed:
            return "violated", None
        if state == "detached" and c.commitment.maintain and self.holds(c, "until"):
            return "satisfied", "until"
        if state == "detached" and not self.holds(c, "while"):
            return "suspended", "while"
        if state == "pending" and self.holds(c, "while"):
            return "reactivated", "while"
        if state == "conditional" and not self.holds(c, "offer"):
            return "cancelled", "offer"
        if state == "null" and self.holds(c, "offer"):
            return "created", "offer"
        if state in FINAL.values() and t < c.expires and self.holds(c, "renew"):
            return "renewed", "renew"
        return None, None

    def all_delivered(self, c):
        """All increments are done, and all of the amounts as they are is delivered."""
        return c.clock - c.lead >= c.over and all(c.delivered[r] == c.amount(r) for r in c.amounts)

    # Phase 4
    def maybe_move(self, m):
        cause = None
        if m.on is not None:
            moves = self.step in m.on
        elif m.happened:
            return
        else:
            holds = self.evaluate(m.when, self.nobody, f"moves.{m.name}.when")
            moves = holds and not m.held_before
            m.held_before = holds
            cause = self.what_turned(m.when, self.nobody)
        if not moves:
            return
        m.happened = True
        moved = self.emit("moved", subject=m.name, cause=cause)
        for c, amounts in m.bind:
            if m.any and c.state in ("expired", "terminated"):
                self.emit("renewed", instance=c, cause=moved)
            if m.any and c.state == "null":
                self.emit("created", instance=c, cause=moved)
            if c.state == "conditional":
                self.emit("detached", instance=c, cause=moved)
            elif c.state == "pending":
                self.emit("reactivated", instance=c, cause=moved)
            if c.state == "detached":
                self.raise_to(c, {r: min(x, c.amounts[r]) for r, x in amounts.items()}, moved)

    def raise_to(self, c, amounts, cause):
        """`raised` for each graded amount that is less than wanted, in the order of `gives`."""
        for r in c.graded:
            if amounts[r] > c.given[r]:
                self.emit(
                    "raised", instance=c, resource=r, value=from_millionths(amounts[r]), cause=cause
                )  # fmt: skip

    def exchange(self):
        while self.undone_by_failure(self.round):
            pass
        self.gap, _ = self.find_gap(self.scenario.instances)
        self.time_passes()

    def round(self):
        """Detachments, then the settling; False if there is neither."""
        decided = [
            (c, self.condition_cause(c, "when"))
            for c in self.scenario.instances
            if c.state == "conditional" and self.holds(c, "when")
        ]
        for c, cause in decided:
            self.emit("detached", instance=c, cause=cause)
        rising = self.settle()
        causes = self.causes_of_raised(rising)
        for (c, r), amount in rising.items():
            self.emit(
                "raised", instance=c, resource=r, value=from_millionths(amount), cause=causes[c, r]
            )  # fmt: skip
        return bool(decided or rising)

    def level(self, c, r):
        """The level of a graded amount in the present (perhaps hypothetical) state."""
        node, by = c.graded[r]
        upto = c.amounts[r]
        place = f"commitments.{c.commitment.name}.gives.{r}.as"
        wanted = self.evaluate(node, self.contexts[c.name], place)
        if wanted * 1e6 >= upto:
            return upto
        millionths = max(0, to_millionths(max(wanted, -1.0)))
        return upto if millionths >= upto else millionths // by * by

    def settle(self):
        """The amounts that rise, (instance, resource) -> new amount; the state stays as it is."""
        owed = [(c, r) for c in self.scenario.instances if c.state == "detached" for r in c.graded]
        before = {(c, r): c.given[r] for c, r in owed}
        try:
            for _ in range(SWEEPS):
                levels = {(c, r): self.level(c, r) for c, r in owed}
                higher = {(c, r): x for (c, r), x in levels.items() if x > c.given[r]}
                for (c, r), x in higher.items():
                    c.given[r] = x
                if not higher:
                    return {(c, r): c.given[r] for c, r in owed if c.given[r] > before[c, r]}
            raise RunFailure(f"unsettled at step {self.step}")
        finally:
            for (c, r), x in before.items():
                c.given[r] = x

    def causes_of_raised(self, rising):
        definitions = self.scenario.definitions
        base, leans = {}, {}
        for c, r in rising:
            context = self.contexts[c.name]
            read = quantities_of(c.graded[r][0], definitions)
            latest = [self.changed.get(self.watch_key(q, context)) for q in read] + [c.entry]
            base[c, r] = max(seq for seq in latest if seq is not None)
            leans[c, r] = {
                (other, resource)
                for other, resource in rising
                for q in read
                if q[1] in ("bound", "assured")
                and q[2] == resource
                and other.debtor in context.group(q[2:], 1)
                and other.debtor != c.debtor
            }
        causes = {}
        for start in rising:
            reached = {start}
            while True:
                more = set().union(reached, *(leans[one] for one in reached))
                if more == reached:
                    break
                reached = more
            causes[start] = max(base[one] for one in reached)
        return causes

    # -- hypotheses ----------------------------------------------------------------------
    # A hypothesis is a dict: each instance of X that is bound under it -> its graded amounts.

    def open_instances(self, among):
        """X: what may still be bound, raised or resumed."""
        return [
            c
            for c in among
            if c.state == "conditional"
            or (c.state == "detached" and c.graded)
            or (c.state == "pending" and c.commitment.resumable)
        ]

    def present(self, x):
        return {c: dict(c.given) for c in x if c.state == "detached"}

    def suppose(self, hypothesis):
        """Puts a hypothesis into the state; gives back what undoes it."""
        saved = [(c, c.state, c.given) for c in hypothesis]
        for c, amounts in hypothesis.items():
            c.state, c.given = "detached", dict(amounts)
        return saved

    def unsuppose(self, saved):
        for c, state, given in saved:
            c.state, c.given = state, given

    def follows(self, x, hypothesis, held=None):
        """F: what holds of X under a hypothesis. `held` amounts stay as they are."""
        now = {c: (c.state, dict(c.given)) for c in x}
        saved = self.suppose(hypothesis)
        try:
            result = {}
            for c in x:
                state, given = now[c]
                key = {"conditional": "when", "pending": "while", "detached": None}[state]
                if key is None or self.holds(c, key):
                    result[c] = {
                        r: held[c, r]
                        if held and (c, r) in held
                        else max(given[r], self.level(c, r))
                        for r in c.graded
                    }
            return result
        finally:
            self.unsuppose(saved)

    def fixed_point(self, x, hypothesis, held=None):
        for _ in range(SWEEPS):
            following = self.follows(x, hypothesis, held)
            if following == hypothesis:
                return hypothesis
            hypothesis = following
        raise RunFailure(f"unsettled at step {self.step}")

    def least(self, x):
        """L: the least fixed point above the present state."""
        if any(c.state == "pending" for c in x):
            return self.fixed_point(x, self.present(x))
        return self.present(x)

    def greatest(self, x, low):
        """G, with the amounts held that are above L by no more than rounding leaves open."""
        held = {}
        while True:
            top = {
                c: {r: held[c, r] if (c, r) in held else c.amounts[r] for r in c.graded} for c in x
            }
            high = self.fixed_point(x, top, held)
            close = {
                (c, r): low.get(c, {}).get(r, 0)
                for c in high
                for r in c.graded
                if (c, r) not in held
                and is_close(high[c][r], low.get(c, {}).get(r, 0))
                and high[c][r] > low.get(c, {}).get(r, 0)
            }
            if not close:
                return high
            held.update(close)

    def find_gap(self, among):
        """The gap in declaration order, and G, with X among these instances."""
        x = self.open_instances(among)
        low = self.least(x)
        high = self.greatest(x, low)
        gap = [
            c for c in x if c in high and (c not in low or any(high[c][r] > low[c][r] for r in c.graded))
        ]
        return gap, high

    # Phase 5
    def meetings(self):
        for m in self.scenario.meetings:
            if self.step in m.in_session and m.package:
                self.undone_by_failure(self.package, m)

    def package(self, m):
        package, high = self.find_gap([c for c in self.scenario.instances if c.debtor in m.attend])
        if not package:
            return
        met, size = self.met_event.get(m.name), float(len(package))
        u = to_u(self.scenario.random.word(f"meeting/{m.name}", self.step))
        if u >= m.success:
            self.emit("failed", subject=m.name, value=size, cause=met)
            return
        agreed = self.emit("agreed", subject=m.name, value=size, cause=met)
        for c in package:
            if c.state == "conditional":
                self.emit("detached", instance=c, cause=agreed)
            elif c.state == "pending":
                self.emit("reactivated", instance=c, cause=agreed)
            self.raise_to(c, high[c], agreed)
        self.exchange()

    # Phase 6
    def delivery(self):
        for c in self.scenario.instances:
            if c.state != "detached":
                continue
            c.clock += 1
            done = c.clock - c.lead  # increments that are done after this one
            if done < 1:
                continue
            for r in c.amounts:
                total = c.amount(r) * min(done, c.over) // c.over
                if total > c.delivered[r]:
                    self.emit(
                        "delivered", instance=c, resource=r,
                        value=from_millionths(total - c.delivered[r]), cause=c.last_event,
                    )  # fmt: skip
            if (
                not c.commitment.maintain
                and done >= c.over
                and all(c.given[r] == c.amounts[r] for r in c.graded)
            ):
                self.emit("satisfied", instance=c, cause=c.last_event)

    # Phase 7
    def outcomes(self):
        stop = False
        for name, node, stops in self.scenario.outcomes:
            if name in self.reached:
                continue
            if self.evaluate(node, self.nobody, f"outcomes.{name}.when"):
                self.emit("reached", subject=name, cause=self.what_turned(node, self.nobody))
                stop = stop or stops
        return stop

    # Phase 8
    def sampling(self):
        for name, node in self.scenario.metrics:
            value = self.evaluate(node, self.nobody, f"metrics.{name}")
            self.series.append((self.step, name, value))
            self.final_metrics[name] = value


def is_close(high, low):
    """Whether an amount of G is no more above another than rounding leaves open."""
    return 1000 * (high - low) <= high or high - low <= 1000


# ---------------------------------------------------------------------------------
# Files
# ---------------------------------------------------------------------------------


def write_csv(path, header, rows):
    with open(path, "w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(header)
        for row in rows:
            writer.writerow([show(x) for x in row])


def write_run(run, out, seed, replicate):
    os.makedirs(out, exist_ok=True)
    scenario = run.scenario
    write_csv(
        os.path.join(out, "events.csv"), COLUMNS, [[e[k] for k in COLUMNS] for e in run.events]
    )
    write_csv(
        os.path.join(out, "series.csv"),
        ["run", "step", "date", "name", "value"],
        [[0, step, scenario.date_of(step), name, value] for step, name, value in run.series],
    )
    def date(step):
        return None if step is None else scenario.date_of(step)

    header = ["run", "commitment", "debtor", "creditor", "resource", "amount", "upto", "delivered",
              "state", "created_step", "created_date", "detached_step", "detached_date",
              "settled_step", "settled_date", "rounds"]  # fmt: skip
    left_out = {name for name, written in (("upto", UPTO), ("rounds", ROUNDS)) if not written}
    if scenario.calendar.start is None:
        left_out |= {name for name in header if name.endswith("_date")}
    rows = [
        [0, c.name, c.debtor, c.commitment.creditor, r, from_millionths(c.amount(r)),
         from_millionths(upto) if r in c.graded else "",
         from_millionths(c.earlier[r] + c.delivered[r]),
         "not_offered" if c.state == "null" else c.state, c.created_step, date(c.created_step),
         c.detached_step, date(c.detached_step), c.settled_step, date(c.settled_step), c.rounds]
        for c in scenario.instances
        for r, upto in c.amounts.items()
    ]  # fmt: skip
    keep = [i for i, name in enumerate(header) if name not in left_out]
    write_csv(
        os.path.join(out, "commitments.csv"),
        [header[i] for i in keep],
        [[row[i] for i in keep] for row in rows],
    )
    varied, dated = list(scenario.overridden), scenario.calendar.start is not None
    failed = run.status != "ok"
    write_csv(
        os.path.join(out, "runs.csv"),
        ["run", "point", "replicate", "seed", *varied, "status", "outcome", "reached_step",
         *(["reached_date"] if dated else []), "steps", "gap",
         *(name for name, _ in scenario.metrics), "storyline_hash"],
        [[0, 0, replicate, seed, *(show_override(scenario.overridden[n]) for n in varied), run.status,
          run.outcome, run.reached_step, *([date(run.reached_step)] if dated else []), run.steps_run,
          "" if failed else len(run.gap),
          *(run.final_metrics.get(name) for name, _ in scenario.metrics),
          storyline_hash(storyline(run.events))]],
    )  # fmt: skip


# Events of the life cycle of a commitment; the increments of its deeds are no part of a storyline.
LIFE = {*ENTRIES}
SILENT = {"started", "drawn", "stance", "anchor", "trust", "delivered", "withdrawn", "raised"}


def storyline(events):
    """What is told of a log when dates and drift are left out: (kind, what it is about) in order."""
    told, met = [], set()
    group, step = set(), None
    for row in events:
        kind, subject = row["event"], row["subject"]
        if kind in SILENT:
            continue
        if row["step"] != step:
            group, step = set(), row["step"]
        if kind in LIFE:
            entry = kind, subject.split("/")[0]
            if entry in group:
                continue
        else:
            entry = kind, subject
            if kind == "met" and subject in met:
                continue
        if told and told[-1] == entry:
            continue
        if kind in LIFE:
            group.add(entry)
        else:
            met |= {subject} if kind == "met" else set()
            group = set()
        told.append(entry)
    return told


def storyline_hash(told):
    def fnv(text):
        h = 0xCBF29CE484222325
        for byte in text.encode():
            h = (h ^ byte) * 0x100000001B3 % 2**64
        return h

    def mix(x):
        x = x * 0x9E3779B97F4A7C15 % 2**64
        return x ^ x >> 32

    h = 0
    for kind, subject in told:
        h = mix(mix(h ^ fnv(kind)) ^ fnv(subject))
    return f"h{h:016x}"


def show_override(value):
    """As it was given."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return value if isinstance(value, float) else value.isoformat()


def simulate(document, seed=0, replicate=0, overrides=None, halt_at=None, moves=(), fork=None):
    """Runs a parsed document. `fork`: (step, overrides, moves)."""
    overrides, moves = overrides or {}, list(moves)
    scenario = Scenario(copy.deepcopy(document), seed, replicate, overrides, moves)
    if fork:
        at, then_set, then_move = fork
        moves = moves + [(commitment, amount, at) for commitment, amount, _ in then_move]
        then = Scenario(copy.deepcopy(document), seed, replicate, {**overrides, **then_set}, moves)
        fork = at, then
    return Run(scenario, halt_at, fork).run()


def parse_overrides(items):
    overrides = {}
    for item in items:
        name, _, value = item.partition("=")
        overrides[name] = read_override(value)
    return overrides


def parse_move(text):
    """C@STEP, C=AMOUNT@STEP or C=RESOURCE:AMOUNT,…@STEP."""
    what, _, step = text.partition("@")
    commitment, _, amount = what.partition("=")
    if ":" in amount:
        amount = {r: float(x) for r, x in (part.split(":") for part in amount.split(","))}
    else:
        amount = float(amount) if amount else None
    return commitment, amount, int(step) if step else None


def main():
    sys.setrecursionlimit(10000)
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    commands = parser.add_subparsers(dest="command", required=True)
    command = commands.add_parser("run")
    command.add_argument("file")
    command.add_argument("--seed", type=int, default=0)
    command.add_argument("--replicate", type=int, default=0)
    command.add_argument("--set", action="append", default=[])
    command.add_argument("--move", action="append", default=[])
    command.add_argument("--at", type=int)
    command.add_argument("--then-set", action="append", default=[])
    command.add_argument("--then-move", action="append", default=[])
    command.add_argument("--out", required=True)
    args = parser.parse_args()
    run = simulate(
        load(args.file), args.seed, args.replicate, parse_overrides(args.set),
        moves=[parse_move(text) for text in args.move],
        fork=args.at and (args.at, parse_overrides(args.then_set), [parse_move(m) for m in args.then_move]),
    )  # fmt: skip
    write_run(run, args.out, args.seed, args.replicate)
    if run.status != "ok":
        print(run.status, file=sys.stderr)
        sys.exit(1)


if __name__ == "__main__":
    main()
