#!/usr/bin/env python3
"""Prints a random valid scenario that combines as many features as possible.

    python3 generate.py SEED [--features F,…] [--out DIR]
                                          the scenario, in TOML; with --out as DIR/scenario.toml
                                          with the files that it names
    python3 generate.py SEED --arguments [--features F,…]
                                          moves and a fork of that scenario, in JSON
    python3 generate.py --count N [--features F,…]
                                          how often each event kind occurs over seeds 0 … N−1

Features are `time`, `tables`, `variants`, `quantities`, `graded`, `resumable`, `renewal` and
`moves`, or `all`. Where none are named, seeds below 10,000 have none, and those from there on have
all but `tables` and `variants`. The scenarios are small, so that interactions occur. Every `when` is monotone by the way it is built: evidence occurs in it only
positively.
"""

import argparse
import collections
import datetime
import json
import os
import random
import sys
import tempfile
import tomllib

import documents

FEATURES = ("time", "tables", "variants", "quantities", "graded", "resumable", "renewal", "moves")


def fmt(x):
    """A number as TOML and as the expression language both read it."""
    x = float(x)
    if x.is_integer() and int(x) % 2 == 0:
        return str(int(x))  # even whole numbers as integers, odd ones as floats
    return repr(x)


class Generator:
    def __init__(self, seed, features=()):
        self.r = random.Random(f"backstop {seed}")
        self.seed = seed
        self.features = features
        self.files = {}  # beside the scenario: name -> text
        self.in_actor = False  # whether an actor's own fields are being written

    def has(self, feature, p=1.0):
        """Whether a feature is wanted, and chance grants it. Without it no chance is used up."""
        return feature in self.features and (p >= 1.0 or self.chance(p))

    # -- small choices -----------------------------------------------------------------

    def chance(self, p):
        return self.r.random() < p

    def pick(self, *options):
        return self.r.choice(options)

    def real(self, lo, hi):
        """A number of a few digits; now and then of many."""
        x = self.r.uniform(lo, hi)
        return x if self.chance(0.05) else min(hi, max(lo, round(x, self.pick(1, 2, 2, 3))))

    def some(self, options, least=1, most=None):
        options = list(options)
        most = len(options) if most is None else min(most, len(options))
        chosen = self.r.sample(options, self.r.randint(min(least, most), most))
        return chosen

    # -- numeric fields ----------------------------------------------------------------

    def distribution(self, lo, hi, normal=False):
        kind = self.pick("uniform", "triangular", "choice", "normal" if normal else "uniform")
        a, b = sorted((self.real(lo, hi), self.real(lo, hi)))
        if b - a < 0.01:
            a, b = lo, hi
        if kind == "uniform":
            values = [a, b]
        elif kind == "triangular":
            values = [a, min(b, max(a, self.real(a, b))), b]
        elif kind == "choice":
            values = [self.real(lo, hi) for _ in range(self.r.randint(1, 4))]
        else:
            values = [self.real(a, b), self.real(0.01, (hi - lo) / 2)]
        return f"{{ {kind} = [{', '.join(fmt(v) for v in values)}] }}"

    def share(self, *, cohort=False, normal=True, plain=0.6):
        """A field between 0 and 1."""
        if self.chance(plain):
            return fmt(self.real(0.0, 1.0))
        if self.chance(0.5):
            return self.distribution(0.0, 1.0, normal)
        options = ["share", "1 - share", "share / 2", "min(1, level / 3)", "half", "share * half"]
        options += ["clamp(level - 0.5, 0, 1)", "if(level > 1.5, share, 0.75)"]
        if cohort:
            options += ["index / size", "clamp(index * share, 0, 1)", "(index - 0.5) / size"] * 2
        if self.in_actor and self.has("tables", 0.5):
            options = ["clamp(own(zeal) / 2, 0, 1)", "if(own(grit) > 0, share, 0.3)"]
            if cohort and self.table:
                options = ['{ column = "Stance", missing = 0.4 }', '{ uniform = [{ column = "Low" }, 1] }']
                return self.pick(*options)
        if self.has("quantities", 0.3):
            options = ["curve(level, 0, 0, 1.5, 0.5, 3, 1)", "1 / members(rest_of_all)", "curve(share, 0.2, 1, 0.8, 0)"]
        return f'"{self.pick(*options)}"'

    def amount(self):
        """An amount and roughly how much it is."""
        if self.chance(0.55):
            x = self.pick(1.0, 1.0, 2.0, 3.0, 0.5, 1.5, 0.1, 10.0 / 3.0, 0.0 if self.chance(0.2) else 1.0)
            if self.chance(0.1):
                x = self.pick(0.0000025, 0.000001, 1e-7, 123456.789, 1000000.0)
            return fmt(x), x
        if self.chance(0.5):
            return self.distribution(0.5, 3.0, normal=True), 1.75
        options = ["level", "2 * level", "own(zeal) + share", "sqrt(level)", "exp(share)"]
        options += ["ln(1 + level)", "own(zeal)", "max(level, 1)", "level / 3", "double"]
        return f'"{self.pick(*options)}"', 1.5

    def whole(self, lo, hi):
        if self.chance(0.8):
            return str(self.r.randint(lo, hi))
        if self.chance(0.5):
            values = [self.r.randint(lo, hi) for _ in range(self.r.randint(1, 3))]
            return f"{{ choice = {values} }}"
        a, b = self.r.randint(lo, hi), self.r.randint(lo, hi)
        if self.has("time", 0.5):
            return f'"{self.exactly(a)}"'
        return f'"if(share >= 0.5, {a}, {b})"'

    # -- dates and durations in expressions ----------------------------------------------

    def exactly(self, steps):
        """A duration of so many steps."""
        kind, length = self.calendar.kind, self.calendar.length
        return f"{steps * length} {kind}" if self.chance(0.5) else f"{fmt(steps * length)}{kind[:-1]}"

    def duration(self):
        units = ("month", "year") if self.calendar.kind == "months" else ("hour", "day", "week")
        unit = self.pick(*units)
        return f"{self.pick('1', '2', '3.5', '10', '0.5')} {unit}{self.pick('', 's')}"

    def moment_text(self):
        """A moment in an expression: a date if there are dates."""
        step = self.r.randint(-1, self.steps + 1)
        if self.start is None:
            return str(max(0, step))
        text = self.date(step)
        return text[:16] if len(text) > 16 and self.chance(0.3) else text

    # -- the parts of a file -----------------------------------------------------------

    def scenario(self):
        self.blocks = []  # pieces of text whose order may vary
        self.frame()
        self.people()
        self.plan()
        self.expressions_ready()
        self.write_trust()
        self.write_influence()
        self.write_commitments()
        self.write_meetings()
        self.write_shocks()
        if self.has("moves"):
            self.write_moves()
        self.write_outcomes()
        self.write_metrics()
        if self.chance(0.5):
            self.r.shuffle(self.blocks)
        text = "\n".join([self.head, *self.blocks])
        return self.variant(text) if self.has("variants") else text

    def frame(self):
        self.steps = self.r.randint(5, 25)
        head = ["format = 1", f'title = "Generated {self.seed}"']
        self.issues = self.r.sample(["guarantee", "aid", "talks"], self.pick(0, 0, 1, 2, 2, 3))
        if self.issues:
            head.append(f"issues = {self.issues}".replace("'", '"'))
        head.append("")
        head.append("[time]")
        self.start = None
        form = self.pick("none", "bare", "date", "date", "hours", "weeks", "moment", "end")
        if self.has("time", 0.4):
            form = "months"
        if form == "bare":
            head.append('step = "1 week"')
        if form in ("date", "hours", "weeks", "end"):
            self.start = datetime.date(2025, 3, 10) + datetime.timedelta(days=self.r.randint(0, 400))
            head.append(f"start = {self.start}")
        if form == "moment":
            self.start = datetime.datetime(2024, 2, 28, self.r.randint(0, 23), self.pick(0, 30))
            head.append(f"start = {self.start.isoformat()}")
        self.stride = datetime.timedelta(days=1)
        if form == "months":
            self.start = self.last_days()
            if self.chance(0.3):
                self.start = datetime.datetime(self.start.year, self.start.month, self.start.day, 6, 30)
            head.append(f"start = {self.start.isoformat()}")
            head.append(f'step = "{self.pick("1 month", "2 months", "3 months", "1 year", "1 month")}"')
        if form in ("hours", "moment"):
            hours = self.pick(1, 6, 12, 36, 24)
            self.stride = datetime.timedelta(hours=hours)
            head.append(f'step = "{hours} hours"')
        elif form == "weeks":
            weeks = self.pick(1, 2)
            self.stride = datetime.timedelta(weeks=weeks)
            head.append(f'step = "{weeks} week{"s" if weeks > 1 else ""}"')
        elif form == "end":
            days = self.pick(1, 2, 3)
            self.stride = datetime.timedelta(days=days)
            head.append(f'step = "{days} day{"s" if days > 1 else ""}"')
        elif form == "date":
            head.append('step = "1 day"')
        if form == "end":
            part = self.r.randint(0, days - 1)  # a part step counts
            end = self.start + self.stride * self.steps - datetime.timedelta(days=part)
            head.append(f"end = {end}")
        elif form == "months" and self.chance(0.4):
            self.calendar = documents.Calendar(tomllib.loads("\n".join(head + ["steps = 1"]))["time"])
            end = self.begin(self.steps) - datetime.timedelta(days=self.r.randint(0, 20))
            head.append(f"end = {end.date()}")
        else:
            head.append(f"steps = {self.steps}")
        self.calendar = documents.Calendar(tomllib.loads("\n".join(head))["time"])
        if self.chance(0.3):
            head.insert(2, f"pace = {self.pick('0.5', '0.25', '1', self.distribution(0.2, 1.0))}")
        self.head = "\n".join(head) + "\n"
        share = fmt(self.real(0.0, 1.0))
        share = self.pick(
            share, self.distribution(0.0, 1.0, normal=False),
            f'{{ value = {share}, range = [0, 1], unit = "share", note = "ours" }}',
            f"{{ value = {self.distribution(0.0, 1.0)} }}",
        )  # fmt: skip
        level = fmt(self.real(0.5, 3.0))
        level = self.pick(level, level, self.distribution(0.5, 3.0), f"{{ value = {level}, range = [0.5, 3] }}")
        more = ""
        if self.has("time"):
            when = self.when_at(self.r.randint(-2, self.steps + 2))
            more = f"deadline = {self.pick(when, f'{{ value = {when} }}', f'{{ choice = [3, {when}] }}')}\n"
        self.blocks.append(f"[parameters]\nshare = {share}\nlevel = {level}\n{more}")

    def last_days(self):
        return datetime.date(2023, self.pick(1, 3, 5, 12), self.pick(1, 15, 29, 30, 31))

    def begin(self, step):
        """The moment at which a step begins."""
        if self.calendar.kind == "months":
            return self.calendar.begins(step)
        when = self.start
        if not isinstance(when, datetime.datetime):
            when = datetime.datetime(when.year, when.month, when.day)
        return when + self.stride * step

    def date(self, step):
        """A date within a step (with the time of day, unless it is the plain date's own)."""
        when = self.begin(step)
        when += self.stride * self.pick(0, 0, 0.25, 0.75)
        if self.chance(0.7):
            return str(when.date())
        return when.replace(microsecond=0).isoformat()

    def when_at(self, step):
        return self.date(step) if self.start is not None and self.chance(0.6) else str(step)

    def people(self):
        count = self.r.randint(2, 5)
        names = ["us", "uk", "fr", "de", "pl"][:count]
        self.r.shuffle(names)
        self.singles = names
        self.cohorts = {}
        self.table = None  # ids of the members of a cohort with a table
        if self.chance(0.5):
            self.cohorts["band"] = self.r.randint(1, 3)
        if self.has("tables", 0.8):
            self.cohorts["band"] = self.r.randint(1, 4)
            head = self.members_table(self.cohorts["band"])
        for name in names:
            self.blocks.append(f"[actors.{name}]\n" + self.actor_fields(False))
        for name, size in self.cohorts.items():
            first = head if self.table else f"size = {size}\n"
            self.blocks.append(f"[cohorts.{name}]\n" + first + self.actor_fields(True))
        ids = {c: [f"{c}_{i}" for i in range(1, n + 1)] for c, n in self.cohorts.items()}
        if self.table:
            ids["band"] = self.table
        self.everyone = names + [id for members in ids.values() for id in members]
        self.groups = dict(ids)
        text = []
        for group in ("core", "rest", "all_of_them")[: self.r.randint(1, 3)]:
            members = self.some(self.everyone + list(self.groups), 1, 4)
            flat = set()
            for m in members:
                flat.update(self.groups.get(m, [m]))
            self.groups[group] = [a for a in self.everyone if a in flat]
            text.append(f"{group} = {members}".replace("'", '"'))
        if self.table:
            for id, joins in zip(self.table, self.joins):
                for group in joins:
                    self.groups[group] = [
                        a for a in self.everyone if a in self.groups.get(group, []) or a == id
                    ]
        if self.has("quantities"):  # for numeric fields, which are written before
            self.groups["rest_of_all"] = self.everyone
            text.append(f"rest_of_all = {self.everyone}".replace("'", '"'))
        if self.chance(0.4):
            text.reverse()  # a group may be used before its own line
        self.blocks.append("[groups]\n" + "\n".join(text) + "\n")
        self.targets = self.everyone + list(self.groups)

    def members_table(self, size):
        """Writes a table of members; gives the first lines of the cohort."""
        own_ids = self.chance(0.6)
        ids = ["it", "es", "nl", "se"][:size] if own_ids else [f"band_{i}" for i in range(1, size + 1)]
        self.table = ids
        self.joins = [self.some(("core", "bloc", "late"), 0, 2) for _ in ids] if self.chance(0.7) else [[]] * size
        columns = ["Code", "Bloc", "Stance", "Low", "Zeal", "Joined"]
        rows = []
        for id, joins in zip(ids, self.joins):
            rows.append([
                id.upper() if self.chance(0.5) else id,
                ";".join(g.upper() if self.chance(0.3) else g for g in joins) + self.pick("", "", ";" if joins else ""),
                self.pick("", fmt(self.real(0, 1)), "TRUE", "5e-1", "+0.25"),
                fmt(self.real(0, 0.5)),
                self.pick(fmt(self.real(0.2, 2)), "1.5", "true"),
                self.pick("", self.when_at(self.r.randint(0, self.steps)).replace("T", self.pick("T", " "))),
            ])  # fmt: skip
        rows = [columns, *rows]
        quote = lambda cell: f'"{cell}"' if self.chance(0.1) else cell
        text = "".join(",".join(map(quote, row)) + self.pick("\n", "\r\n") for row in rows)
        self.files["members.csv"] = self.pick("", "\ufeff") + text
        lines = ['table = "members.csv"']
        if own_ids:
            lines.append('id = "Code"')
        if any(self.joins):
            lines.append('member_of = "Bloc"')
        return "\n".join(lines) + "\n"

    def by_issue(self, make):
        if len(self.issues) > 1 and self.chance(0.4):
            chosen = self.some(self.issues)
            return "{ " + ", ".join(f"{i} = {make()}" for i in chosen) + " }"
        return make()

    def actor_fields(self, cohort):
        self.in_actor = True
        try:
            return self.fields(cohort)
        finally:
            self.in_actor = False

    def fields(self, cohort):
        lines = []
        if self.chance(0.2):
            lines.append('name = "Someone of note"')
        if self.chance(0.85):
            lines.append(f"stance = {self.by_issue(lambda: self.share(cohort=cohort))}")
        if self.chance(0.35):
            lines.append(f"anchor = {self.by_issue(lambda: self.share(cohort=cohort))}")
        if self.chance(0.5):
            lines.append(f"susceptibility = {self.share(cohort=cohort)}")
        if self.chance(0.4):
            lines.append(f"volatility = {self.pick('0.05', '0.1', '0.3', self.distribution(0.0, 0.3))}")
        if self.chance(0.4):
            keys = self.some(["offer", "bond"])
            values = {"offer": lambda: fmt(self.real(0.0, 0.4)), "bond": lambda: fmt(self.real(0.5, 1.0))}
            if self.chance(0.3):
                values["offer"] = lambda: self.distribution(0.0, 0.4)
            lines.append("credit = { " + ", ".join(f"{k} = {values[k]()}" for k in keys) + " }")
        zeal = self.pick(fmt(self.real(0.2, 2.0)), self.distribution(0.2, 2.0))
        if cohort:
            zeal = self.pick(zeal, '"index * 0.5"', '"size - index + 0.5"')
        grit = self.pick(fmt(self.real(-1.0, 2.0)), self.distribution(-1.0, 2.0, normal=True))
        more = ""
        if cohort and self.table:
            zeal = self.pick(zeal, '{ column = "Zeal" }', '{ choice = [1, { column = "Zeal" }] }')
        if self.has("time"):
            joined = self.when_at(self.r.randint(0, self.steps))
            more = f", joined = {joined}"
            if cohort and self.table:
                more = f', joined = {{ column = "Joined", missing = {self.pick("inf", joined)} }}'
        lines.append(f"attributes = {{ zeal = {zeal}, grit = {grit}{more} }}")
        return "\n".join(lines) + "\n"

    def plan(self):
        """Which commitments, meetings and shocks there are, before any condition is written."""
        self.resources = ["troops", "backstop", "aid"][: self.r.randint(1, 3)]
        lines = [f'{x} = {{ unit = "units of {x}" }}' for x in self.resources]
        self.blocks.append("[resources]\n" + "\n".join(lines) + "\n")
        self.commitments = []
        instances = 0
        wanted = self.r.randint(3, 10)
        while instances < wanted or len(self.commitments) < 2:
            debtor = self.pick(*self.singles, *self.singles, *self.singles, *self.targets)
            size = len(self.groups.get(debtor, [debtor]))
            if instances + size > 12:
                break
            instances += size
            gives = {}
            for resource in self.some(self.resources, 1, self.pick(1, 1, 1, 2, 3)):
                gives[resource] = self.amount()
            self.commitments.append(
                {"name": f"c{len(self.commitments)}_{debtor}", "debtor": debtor, "gives": gives,
                 "members": self.groups.get(debtor, [debtor]), "maintain": self.chance(0.35)}
            )  # fmt: skip
        # Circles of commitments that wait for one another: what deadlocks are made of.
        self.next_in_circle, self.mover, self.breaker = {}, None, None
        if self.chance(0.85):
            circle = []  # of debtors who share nobody, so that each waits for others
            for c in self.r.sample(self.commitments, len(self.commitments)):
                if len(circle) < 5 and not any(set(c["members"]) & set(d["members"]) for d in circle):
                    circle.append(c)
            if len(circle) < 2:
                circle = []
            # How it may come undone: one moves first, and may later have enough of it.
            self.mover = circle[0]["name"] if circle and self.chance(0.25) else None
            self.breaker = self.mover or (self.pick(*circle)["name"] if circle and self.chance(0.6) else None)
            for one, other in zip(circle, circle[1:] + circle[:1]):
                self.next_in_circle[one["name"]] = other
        # Circles that are bound from the start, fall apart, and may be agreed on again.
        self.resumable_circle = self.has("resumable", 0.5) and bool(self.next_in_circle)
        if self.resumable_circle:
            self.breaker = self.r.choice(list(self.next_in_circle))
            self.mover = None
        # Circles of graded promises that match one another, without a seed.
        self.graded_circle = self.has("graded", 0.6)
        self.meetings = [f"meeting_{i}" for i in range(self.pick(0, 1, 2, 2, 3))]
        if self.has("resumable", 0.6) and not self.meetings:
            self.meetings = ["meeting_0"]
        self.shocks = [f"shock_{i}" for i in range(self.pick(1, 2, 2, 3, 4))]
        self.occasions = self.meetings + self.shocks
        self.moves = []
        if self.has("moves"):
            self.moves = [f"push_{i}" for i in range(self.pick(1, 2, 3))]
            self.occasions = self.occasions + self.moves
        self.outcome_names = [f"outcome_{i}" for i in range(self.r.randint(1, 3))] if self.has("quantities") else None
        self.data = []
        if self.has("tables", 0.7):
            self.write_data()

    def write_data(self):
        steps = sorted({self.r.randint(-1, self.steps) for _ in range(self.r.randint(1, 5))})
        when = lambda step: self.date(step).replace("T", " ") if self.start is not None else str(step)
        rows = sorted({when(step): fmt(self.real(-1, 3)) for step in steps}.items(),
                      key=lambda row: documents.read_date(row[0]) if self.start is not None else float(row[0]))
        if self.start is not None:
            rows = list({documents.read_date(t): (t, v) for t, v in rows}.values())
        self.files["polls.csv"] = "date,note,share\n" + "".join(f'{t},"a, b",{v}\n' for t, v in rows)
        lines = ['table = "polls.csv"', 'date = "date"', 'value = "share"']
        lines += self.pick([], ['between = "hold"'], ['between = "linear"'], ['between = "linear"'])
        self.blocks.append("[data.polls]\n" + "\n".join(lines) + "\n")
        self.data = ["polls"]

    def expressions_ready(self):
        """Definitions; some are fit for a `when`, others are free."""
        lines = ["half = \"0.5\"", 'double = "level * 2"']
        self.rising = []  # definitions that are conditions and grow truer with evidence
        self.free = []
        for i in range(self.r.randint(0, 2)):
            lines.append(f'rising_{i} = "{self.rising_condition(1, {})}"')
            self.rising.append(f"rising_{i}")
        for i in range(self.r.randint(0, 2)):
            lines.append(f'free_{i} = "{self.free_condition(1)}"')
            self.free.append(f"free_{i}")
        self.blocks.append("[definitions]\n" + "\n".join(lines) + "\n")

    # -- expressions -------------------------------------------------------------------
    # `asking` is the commitment whose condition is written ({}: nobody's: a definition that
    # every commitment may read, so without `assured` of either form; None: an outcome's,
    # a metric's or a shock's).

    def ceiling(self, resource, group, asking):
        """Roughly how much there is of a resource in a group."""
        total = 0.0
        for c in self.commitments:
            members = [m for m in c["members"] if group is None or m in group]
            if asking:
                members = [m for m in members if m not in asking["members"]]
            total += len(members) * c["gives"].get(resource, (None, 0.0))[1]
        return total

    def evidence(self, asking):
        """An evidence quantity, and roughly how much it can be."""
        others = [c for c in self.commitments if c is not asking or len(c["members"]) > 1]
        c = self.r.choice(others or self.commitments)
        kind = self.r.random()
        if kind < 0.4:
            name = self.pick("bonds", "bonds", "bonds", "kept", "offers")
            if self.has("quantities", 0.3):
                return f"{name}({c['name']}/{self.r.choice(c['members'])})", 1
            return f"{name}({c['name']})", len(c["members"])
        resource = self.r.choice(list(c["gives"]))
        group = self.pick(c["debtor"], c["debtor"], None, *self.targets)
        members = None if group is None else self.groups.get(group, [group])
        arguments = resource if group is None else f"{resource}, {group}"
        if kind < 0.5:
            return f"parties({arguments})", len(members or self.everyone)
        name = self.pick("bound", "bound", "bound", "delivered", "offered", "assured", "assured")
        if name == "assured":
            if asking == {}:
                name = "bound"
            elif asking is None:
                group = group or self.r.choice(self.targets)
                members = self.groups.get(group, [group])
                arguments = f"{resource}, {group}, {self.r.choice(self.everyone)}"
        return f"{name}({arguments})", self.ceiling(resource, members, asking)

    def rising_number(self, depth, asking):
        """A number that grows with evidence."""
        text, top = self.evidence(asking)
        if depth <= 0 or self.chance(0.5):
            return text, top
        other, most = self.evidence(asking)
        form = self.r.randrange(9)
        if self.has("quantities", 0.15):
            most = max(most, 0.0)
            a, b = fmt(round(max(top, 0.1) / 3, 3)), fmt(round(max(top, 0.1) / 2 + 0.5, 3))
            return f"curve({text}, 0, 0, {a}, {fmt(round(most / 4, 3))}, {b}, {fmt(round(most + 0.25, 3))})", most
        if form == 0:
            return f"{text} + {other}", top + most
        if form == 1:
            return f"min({text}, {other})", min(top, most)
        if form == 2:
            return f"max({text}, {other})", max(top, most)
        if form == 3:
            return f"2 * {text}", 2 * top
        if form == 4:
            return f"{text} / level", top / 1.5
        if form == 5:
            return f"level * ({text} - 0.25)", 1.5 * top
        if form == 6:
            return f"{text} - -{other}", top + most
        if form == 7:
            return f"if({self.still(asking)}, {text}, {other})", max(top, most)
        return f"if({self.rising_comparison(0, asking)}, 2, 1)", 2

    def threshold(self, top):
        if self.chance(0.15):
            return self.pick("level", "share", "half")
        # Below what all others together could give, so that it can come true.
        return fmt(round(max(0.0, top) * self.pick(0.05, 0.3, 0.5, 0.5, 0.75, 0.9, 1.0, 1.0), 3))

    def rising_comparison(self, depth, asking):
        number, top = self.rising_number(depth, asking)
        x = self.threshold(top)
        form = self.r.randrange(8)
        if form < 3:
            return f"{number} >= {x}"
        if form == 3:
            return f"{number} > {x} - 0.001"
        if form == 4:
            return f"{x} <= {number}"
        if form == 5:
            return f"not ({number} < {x})"
        if form == 6:
            return f"{x} - ({number}) <= 0"
        return f"not {x} > {number}"

    def still(self, asking):
        """A condition on what is fixed during an Exchange; of either sign."""
        name = self.r.choice(self.occasions)
        k = self.r.randint(0, self.steps)
        a, b = self.r.choice(self.everyone), self.r.choice(self.everyone)
        options = [
            f"step >= {k // 2}",
            f"step < {k + 3}",
            f"steps - step > {k // 4}",
            f"count({name}) {self.pick('>= 1', '< 2', '== 0')}",
            f"since({name}) {self.pick('> 2', '<= 4', '>= 1')}",
            f"trust({a}, {b}) >= {self.pick('0.4', '0.6', '0.8', '0.9')}",
            self.stance_condition(asking),
            self.stance_condition(asking),
        ]
        if self.has("quantities", 0.6):
            c = self.r.choice(self.commitments)
            which = self.pick(c["name"], f"{c['name']}/{self.r.choice(c['members'])}")
            o = self.r.choice(self.outcome_names)
            options = [
                f"violated({which}) {self.pick('>= 1', '== 0')}",
                f"expired({which}) {self.pick('>= 1', '< 1')}",
                f"terminated({which}) == 0",
                f"rounds({which}) {self.pick('>= 1', '< 1', '< 2')}",
                f"{self.pick('', 'not ')}reached({o})",
                f"members({self.r.choice(self.targets)}) {self.pick('>', '<=')} 2",
                f"curve(step, 0, 0, {self.r.randint(1, 4)}, 1, {self.r.randint(5, 9)}, 0.2) > 0.5",
            ]
        if self.data and self.chance(0.15):
            options = [f"data(polls) {self.pick('>=', '<')} {fmt(self.real(-1, 3))}"]
        if self.has("time", 0.35):
            options = [
                f"step {self.pick('>=', '<')} {self.moment_text()}",
                f"step {self.pick('>=', '<')} {self.moment_text()} + {self.duration()}",
                f"since({name}) {self.pick('>=', '<')} {self.duration()}",
                f"step {self.pick('>=', '<')} deadline - {self.duration()}",
            ]
            if asking:
                options.append(f"step {self.pick('>=', '<')} own(joined)")
        if asking:
            options += ["own(grit) > 0", "own(zeal) * share < 1", "stance >= 0.4", "stance < 0.8"]
        return self.r.choice(options)

    def stance_condition(self, asking):
        who = self.r.choice(self.targets)
        if self.issues and self.chance(0.5):
            who += f", {self.r.choice(self.issues)}"
        return f"stance({who}) {self.pick('>', '>=', '<', '<=')} {self.pick('0.2', '0.4', '0.5', '0.6')}"

    def rising_condition(self, depth, asking):
        if depth <= 0 or self.chance(0.55):
            if asking and self.rising and self.chance(0.15):
                return self.r.choice(self.rising)
            return self.rising_comparison(depth, asking)
        form = self.r.randrange(7)
        one = self.rising_condition(depth - 1, asking)
        if form == 0:
            return f"{one} and {self.still(asking)}"
        if form == 1:
            return f"{self.still(asking)} or {one}"
        if form == 2:
            return f"({one}) and ({self.rising_condition(depth - 1, asking)})"
        if form == 3:
            return f"({one}) or ({self.rising_condition(depth - 1, asking)})"
        if form == 4:
            return f"{one} or {self.rising_comparison(0, asking)} and {self.still(asking)}"
        if form == 5:
            return f"if({self.still(asking)}, {one}, {self.rising_condition(depth - 1, asking)})"
        return f"not (not ({one}) and {self.still(asking)})"

    def waiting(self, c):
        """What a commitment in a circle waits for: that the next one is bound."""
        other = self.next_in_circle[c["name"]]
        resource, (_, amount) = self.r.choice(list(other["gives"].items()))
        name, members = other["name"], len(other["members"])
        if members > 1:
            options = [f"bonds({name}) >= {self.r.randint(1, members)}"]
        else:
            options = [f"bonds({name}) >= 1", f"not bonds({name}) < 1"]
        total = self.pick(0.1, 0.5, 0.9) * max(amount, 0.01) * members
        options += [
            f"bonds({name}) > 0",
            f"bonds({name}) >= {members}",
            f"bonds({name}) / {members} >= 0.75",
            f"min(bonds({name}), 1) + share >= 1 + share",
            f"parties({resource}, {other['debtor']}) >= 1",
            f"bound({resource}, {other['debtor']}) > {fmt(round(total, 3))}",
            f"assured({resource}, {other['debtor']}) >= {fmt(round(0.6 * total + 0.001, 3))}",
        ]
        return self.r.choice(options)

    def waiting_condition(self, c):
        text = self.waiting(c)
        form = self.r.randrange(30)
        if form == 0:
            return f"{text} and {self.still(c)}"
        if form == 1:
            return f"{text} or ({self.waiting(self.r.choice([x for x in self.commitments if x['name'] in self.next_in_circle]))})"
        if form == 2:
            return f"{text} and ({self.rising_condition(0, c)})"
        if form == 3:
            return f"{self.still(c)} and {self.still(c)} or {text}"
        if form == 4:
            return f"({self.rising_condition(1, c)}) and {text}"
        return text

    def free_number(self, asking):
        if self.chance(0.6):
            return self.rising_number(1, asking)
        c = self.r.choice(self.commitments)["name"]
        name = self.r.choice(self.occasions)
        text, top = self.evidence(asking)
        options = [
            (f"bound_at({c})", self.steps),
            (f"step - bound_at({c})", 4),
            ("deadlocked", 2),
            ("step", self.steps),
            ("steps / 2 - step", 2),
            (f"since({name})", 5),
            (f"count({name})", 2),
            (f"level - {text}", 1),
            (f"abs({text} - {fmt(round(top / 2, 3))})", top / 2),
            (f"sqrt({text})", max(top, 0) ** 0.5),
            (f"exp(-{text})", 1),
            (f"ln(1 + {text})", 1),
            (f"clamp({text}, level, 1.5)", 1),
            (f"{text} * stance({self.r.choice(self.targets)})", top / 2),
        ]
        if self.has("quantities", 0.4):
            options = [
                (f"pending({c})", 1),
                (f"pending({c}) + violated({c}) - rounds({c})", 1),
                (f"curve({text}, 0, 1, {fmt(round(max(top, 0) / 2 + 0.1, 3))}, {self.pick('0', '2')}, {fmt(round(max(top, 0) + 1, 3))}, 0.5)", 1),
                (f"if(reached({self.r.choice(self.outcome_names)}), {text}, 1)", top),
            ]
        if self.data and self.chance(0.15):
            options = [("data(polls)", 2), (f"data(polls) * {text}", top)]
        if self.has("time", 0.2):
            options = [(f"step - bound_at({c}) + {self.duration()}", 4), (f"step - {self.moment_text()}", 3)]
        return self.r.choice(options)

    def free_condition(self, depth, asking={}):
        if depth > 0 and self.chance(0.35):
            a, b = self.free_condition(depth - 1, asking), self.free_condition(depth - 1, asking)
            return self.pick(f"({a}) and ({b})", f"({a}) or ({b})", f"not ({a})", f"if({a}, {b}, true)")
        if asking != {} and self.free and self.chance(0.1):
            return self.r.choice(self.free)
        if self.chance(0.35):
            return self.still(asking)
        number, top = self.free_number(asking)
        return f"{number} {self.pick('>=', '>', '<', '<=', '<', '!=', '==')} {self.threshold(top)}"

    # -- tables ------------------------------------------------------------------------

    def write_trust(self):
        lines = []
        if self.chance(0.7):
            lines.append(f"default = {self.pick('1', '0.8', '0.5', '0.7', self.distribution(0.4, 1.0, True))}")
        if self.chance(0.5):
            lines.append(f"strength = {self.pick('2', '4', '1.5', '10')}")
        for key, values in (("kept", "0.5"), ("broken", "2"), ("suspended", "1"), ("witness", "0.5")):
            if self.chance(0.4):
                lines.append(f"{key} = {self.pick(values, fmt(self.real(0.0, 1.0)), self.distribution(0.0, 1.0))}")
        if self.chance(0.6):
            pairs = []
            for _ in range(self.r.randint(1, 3)):
                a, b = self.two()
                pairs.append(f'{{ of = "{a}", in = "{b}", value = {self.share()} }}')
            if self.has("tables", 0.6):
                ties = [self.two() for _ in range(3)]
                self.files["trust.csv"] = "of,in,value\n" + "".join(
                    f"{a},{b},{fmt(self.real(0, 1))}\n" for a, b in ties
                )
                pairs.insert(self.r.randint(0, len(pairs)), '{ table = "trust.csv" }')
            lines.append(f"pairs = [{', '.join(pairs)}]")
        if lines:
            self.blocks.append("[trust]\n" + "\n".join(lines) + "\n")
        if self.chance(0.5):
            self.blocks.append(
                f"[credit]\noffer = {self.pick('0', '0.25', self.distribution(0.0, 0.4))}\n"
                f"bond = {self.pick('1', '0.8', self.distribution(0.5, 1.0))}\n"
            )

    def two(self):
        """Two targets that are not one and the same actor and have a pair of different actors."""
        while True:
            a, b = self.r.choice(self.targets), self.r.choice(self.targets)
            left, right = self.groups.get(a, [a]), self.groups.get(b, [b])
            if any(x != y for x in left for y in right):
                return a, b

    def write_influence(self):
        for _ in range(self.pick(0, 1, 2, 4, 6)):
            a, b = self.two() if self.chance(0.8) else [self.r.choice(self.everyone)] * 2
            lines = [f'from = "{a}"', f'on = "{b}"']
            if self.chance(0.7):
                weight = self.pick(fmt(self.real(0.0, 2.0)), self.distribution(0.0, 2.0), '"level"', "0")
                lines.append(f"weight = {weight}")
            self.blocks.append("[[influence]]\n" + "\n".join(lines) + "\n")
            if self.has("tables", 0.3) and "ties.csv" not in self.files:
                pairs = [self.two() for _ in range(3)]
                self.files["ties.csv"] = "from,on,weight\n" + "".join(
                    f"{a.upper()},{b},{fmt(self.real(0, 2))}\n" for a, b in pairs
                )
                self.blocks.append('[[influence]]\ntable = "ties.csv"\n')

    def write_commitments(self):
        for c in self.commitments:
            lines = [f'debtor = "{c["debtor"]}"']
            if self.chance(0.75):
                others = [t for t in self.targets if self.groups.get(t, [t]) != c["members"]]
                lines.append(f'creditor = "{self.r.choice(others)}"')
            gives = {k: v[0] for k, v in c["gives"].items()}
            graded = False
            in_circle = self.graded_circle and c["name"] in self.next_in_circle
            if in_circle or self.has("graded", 0.6):
                graded = True
                c["graded"] = list(gives) if in_circle else self.some(list(gives))
                for k in c["graded"]:
                    gives[k] = self.graded(c, k, gives[k], in_circle)
            lines.append("gives = { " + ", ".join(f"{k} = {v}" for k, v in gives.items()) + " }")
            waits = c["name"] in self.next_in_circle
            if self.chance(0.1 if waits else 0.45):
                lines.append(f'offer = "{self.free_condition(1, c)}"')
            if in_circle and self.chance(0.7):
                pass  # always willing to match
            elif waits:
                lines.append(f'when = "{self.waiting_condition(c)}"')
            elif self.chance(0.75):
                lines.append(f'when = "{self.rising_condition(2, c)}"')
            roll = self.r.random()
            rising = True
            if c["name"] == self.breaker:
                k = self.r.randint(2, self.steps)
                wish = self.pick(f"step < {k}", f"step != {k}", self.still(c), self.free_condition(0, c))
                rising = wish.startswith("step < ") or wish.startswith("step != ")
                if self.resumable_circle:
                    k = self.r.randint(1, 3)
                if self.resumable_circle or self.has("resumable", 0.7):
                    wish, rising = f"(step < {k} or step > {k + 2}) and {self.waiting(c) if waits else self.still(c)}", True
                lines.append(f'while = "{wish}"')
            elif waits and (self.resumable_circle or self.chance(0.8)):
                wish = self.waiting(c)
                if self.chance(0.25):
                    wish = f"({wish}) and {self.still(c)}"
                lines.append(f'while = "{wish}"')
            elif roll < 0.3:
                lines.append(f'while = "{self.rising_condition(1, c)}"')
            elif roll < 0.6:
                lines.append(f'while = "{self.free_condition(1, c)}"')
                rising = False
            elif roll < 0.75:
                lines.append(f'while = "{self.still(c)}"')
            again = self.resumable_circle and waits
            if rising and self.has("resumable", 0.95 if again else 0.6):
                lines.append("resumable = true")
            if self.has("renewal", 0.5):
                wish = self.pick("true", f"step >= {self.steps // 2}", self.still(c), self.free_condition(1, c))
                lines.append(f'renew = "{wish}"')
            if self.chance(0.08 if waits else 0.2):
                lines.append(f'release = "{self.free_condition(0, c)}"')
            if c["name"] == self.mover or again:
                lines.append('initial = "detached"')
            elif self.chance(0.1):
                lines.append('initial = "conditional"')
            elif not waits and self.chance(0.2):
                lines.append(f'initial = "{self.pick("null", "conditional", "conditional", "detached")}"')
            if self.chance(0.4):
                lines.append(f"lead = {self.whole(0, 4)}")
            if waits and self.chance(0.85):
                lines.append(f"over = {self.whole(6, 20)}")
            elif self.chance(0.6):
                lines.append(f"over = {self.whole(1, 7)}")
            if self.chance(0.1 if waits else 0.2):
                lines.append(f"expires = {self.when_at(self.r.randint(1, self.steps))}")
            elif self.has("time", 0.4):
                options = [f'"{self.moment_text()}"', f'"if(share > 0.5, deadline, deadline + {self.exactly(2)})"']
                options += [f"{{ choice = [{self.when_at(3)}, 7] }}", "inf", "-2", '"own(joined)"', '"own(joined)"']
                lines.append(f"expires = {self.pick(*options)}")
            if self.chance(0.1 if again else 0.35):
                lines.append(f"grace = {self.whole(0, 3)}")
            if c["maintain"]:
                lines.append("maintain = true")
                if self.chance(0.6):
                    lines.append(f'until = "{self.free_condition(1, c)}"')
                    if self.chance(0.4):
                        lines.append(f"due = {self.whole(2, 8)}")
            elif self.chance(0.35) or self.has("graded", 0.4):
                lines.append(f"due = {self.whole(0, 8)}")
            if graded and not c["maintain"] and self.chance(0.4):
                lines.append(f'until = "{self.free_condition(1, c)}"')
            if self.issues and self.chance(0.5):
                lines.append(f'issue = "{self.r.choice(self.issues)}"')
            if self.chance(0.4):
                lines.append(f"cost = {self.pick('2', '0.5', '3', self.distribution(0.5, 4.0), chr(34) + 'own(zeal)' + chr(34))}")
            self.blocks.append(f"[commitments.{c['name']}]\n" + "\n".join(lines) + "\n")

    def graded(self, c, resource, upto, in_circle):
        """A graded amount: how much depends on what others give."""
        text, _ = self.rising_number(1, c)
        other = self.next_in_circle.get(c["name"]) or self.r.choice(self.commitments)
        theirs = self.r.choice(list(other["gives"]))
        read = self.pick("bound", "bound", "assured")
        wants = [
            text,
            f"{fmt(self.real(0, 1))} * {read}({theirs}, {other['debtor']})",
            f"{fmt(self.real(0, 0.5))} + {fmt(self.real(0, 0.9))} * {read}({theirs})",
            f"2 * {read}({theirs}, {other['debtor']})",
            f"bound({theirs})",
            f"bound({resource}) / 2",
            f"if({self.still(c)}, {fmt(self.real(0, 2))}, 0) + bound({theirs}) * share",
            f"min({text}, bound({theirs}, {other['debtor']}))",
        ]
        if in_circle and self.chance(0.8):
            factor = self.pick("1", "1", "2", "0.5", "level", "share + 0.5", fmt(self.real(0.4, 3)))
            wants = [f"{factor} * {self.pick('bound', 'assured')}({theirs}, {other['debtor']})"] * 5
        elif self.chance(0.1):
            return f"{{ upto = {upto}, as = {fmt(self.real(0, 3))} }}"
        by = self.pick("", "", ", by = 0.5", ", by = 0.1", ", by = 1", f", by = {self.distribution(0.1, 1)}")
        return f'{{ upto = {upto}, as = "{self.pick(*wants, *wants[1:5])}"{by} }}'

    def write_moves(self):
        for name in self.moves:
            if self.chance(0.6):
                steps = [self.r.randint(0, self.steps - 1) for _ in range(self.pick(1, 1, 2))]
                lines = [f"on = [{', '.join(self.when_at(s) for s in steps)}]"]
            else:
                lines = [f'when = "{self.free_condition(1, None)}"']
            bind = []
            for c in self.some(self.commitments, 1, 3):
                which = self.pick(c["name"], c["name"], f"{c['name']}/{self.r.choice(c['members'])}")
                graded = c.get("graded", [])
                amount = fmt(self.real(0, 3))
                if graded and self.chance(0.6):
                    some = self.some(graded)
                    amounts = "{ " + ", ".join(f"{r} = {fmt(self.real(0, 3))}" for r in some) + " }"
                    amount = amount if len(graded) == 1 and self.chance(0.5) else amounts
                    bind.append(f'{{ commitment = "{which}", amount = {amount} }}')
                else:
                    bind.append(f'"{which}"')
            lines.append(f"bind = [{', '.join(bind)}]")
            if self.chance(0.5):
                lines.append("any = true")
            self.blocks.append(f"[moves.{name}]\n" + "\n".join(lines) + "\n")

    def variant(self, text):
        """Puts the scenario under a file that changes it here and there."""
        base = tomllib.loads(text)
        self.files["base.toml"] = text
        remove, lines = [], []
        for name in self.some(base["commitments"], 0, 3):
            keys = [k for k in base["commitments"][name] if k in ("grace", "due", "over", "release", "expires", "lead")]
            for key in self.some(keys, 0, 1) if keys else []:
                remove.append(f"commitments.{name}.{key}")
                if key == "over" and self.chance(0.5):
                    lines.append(f"commitments.{name}.over = 3")
        for actor in self.some(self.singles, 0, 2):
            lines.append(f"actors.{actor}.{self.pick('stance', 'anchor', 'susceptibility')} = {fmt(self.real(0, 1))}")
        share = self.pick(fmt(self.real(0, 1)), "{ value = 0.25, note = \"new\" }", self.distribution(0, 1))
        lines.append(f"parameters.share = {share}")
        if self.chance(0.4):
            lines.append(f"parameters.level = {self.pick(fmt(self.real(0.5, 3)), '{ value = 1.5 }')}")
        lines.append('metrics.added = "share + step"')
        if base["metrics"].get("m0") and self.chance(0.5):
            if self.chance(0.5):
                remove.append("metrics.m0")
            lines.append('metrics.m0 = "level"')
        if self.chance(0.3):
            if "end" in base["time"]:
                remove.append("time.end")
            lines.append(f"time.steps = {self.steps + 2}")
        if "trust" in base and self.chance(0.5):
            lines.append("trust.default = 0.6")
        shock = self.r.choice(self.shocks)
        if self.chance(0.4):
            lines.append(f"shocks.{shock}.stance = {{ {self.r.choice(self.targets)} = 0.1 }}")
        if self.chance(0.3) and "influence" in base:
            remove_all = self.chance(0.5)
            a, b = self.two()
            lines.append("influence = []" if remove_all else f'influence = [{{ from = "{a}", on = "{b}" }}]')
        if self.chance(0.4):
            lines.append('actors.newcomer = { attributes = { zeal = 1, grit = 1, joined = 3 } }')
        head = ["format = 1", 'extends = "base.toml"']
        if remove:
            head.append("remove = [" + ", ".join(f'"{path}"' for path in remove) + "]")
        if self.chance(0.3):  # one between the two
            middle = ["format = 1", 'extends = "base.toml"', 'title = "Between"', "pace = 0.75", "parameters.level = 2"]
            self.files["middle.toml"] = "\n".join(middle) + "\n"
            head[1] = 'extends = "middle.toml"'
        return "\n".join(head + lines) + "\n"

    def write_meetings(self):
        for name in self.meetings:
            attend = self.some(self.targets, 1, 4)
            if self.chance(0.75):
                circle = [c["debtor"] for c in self.commitments if c["name"] in self.next_in_circle]
                attend += [debtor for debtor in dict.fromkeys(circle) if debtor not in attend]
            lines = [f"attend = {attend}".replace("'", '"')]
            form = self.r.randrange(4)
            step = self.r.randint(0, self.steps - 1)
            if self.has("resumable", 0.5):
                form = 4
                lines.append(f"from = {step // 2}\nto = {self.steps - 1}")
            if form == 0:
                lines.append(f"on = {self.when_at(step)}")
            elif form == 1:
                steps = [self.r.randint(0, self.steps) for _ in range(self.r.randint(1, 5))]
                lines.append(f"on = [{', '.join(self.when_at(s) for s in steps)}]")
            elif form < 4:
                first, last = step, step + self.r.randint(0, 7)
                dated = self.start is not None and self.chance(0.6)
                if dated and self.chance(0.3):
                    first -= step + 2  # it began before the run
                if dated:
                    lines.append(f"from = {self.begin(first).isoformat()}")
                    lines.append(f"to = {self.begin(last).isoformat()}")
                else:
                    lines.append(f"from = {first}\nto = {last}")
            if self.chance(0.85):
                lines.append("package = true")
                if self.chance(0.6):
                    lines.append(f"success = {self.pick('0.5', '0.3', '0.8', '0', self.share(plain=0.3))}")
            if self.chance(0.5):
                lines.append(f"influence = {self.pick('0.2', '1', '0', self.share())}")
            self.blocks.append(f"[meetings.{name}]\n" + "\n".join(lines) + "\n")

    def effect(self, size=0.4):
        if self.chance(0.2):
            return self.distribution(-size, size)
        if self.chance(0.1):
            return '"share - 0.5"'
        return fmt(self.real(-size, size))

    def write_shocks(self):
        for name in self.shocks:
            form = self.r.randrange(5)
            if form == 0:
                line = f"on = {self.when_at(self.r.randint(0, self.steps - 1))}"
            elif form == 1:
                steps = sorted({self.r.randint(0, self.steps) for _ in range(self.r.randint(1, 4))})
                line = f"on = [{', '.join(map(str, steps))}]"
            elif form == 2:
                who = self.r.choice(self.targets)
                text, _ = self.evidence(None)
                line = "rate = " + self.pick(
                    "0.05", '"0.3"', "0", '"share"', f'"0.2 * (1 - stance({who}))"',
                    '"if(deadlocked >= 1, 0.5, 0.02)"', f'"exp(-{text}) / 4"', f'"0.1 + 0.05 * {text}"',
                )  # fmt: skip
                if self.chance(0.05):
                    line = 'rate = "0.4 - 0.05 * step"'  # fails the run at step 9
            else:
                line = f'when = "{self.free_condition(1, None)}"'
                if self.chance(0.6):
                    line += f"\nonce = {self.pick('true', 'false', 'false')}"
            lines = [line]
            if self.chance(0.7):
                chosen = self.some(self.targets, 1, 3)
                table = ", ".join(f"{t} = {self.by_issue(self.effect)}" for t in chosen)
                lines.append(f"stance = {{ {table} }}")
            if self.chance(0.35):
                chosen = self.some(self.targets, 1, 2)
                table = ", ".join(f"{t} = {self.by_issue(self.effect)}" for t in chosen)
                lines.append(f"anchor = {{ {table} }}")
            if self.chance(0.5):
                effects = []
                for _ in range(self.r.randint(1, 2)):
                    a, b = self.two()
                    effects.append(f'{{ of = "{a}", in = "{b}", by = {self.effect()} }}')
                lines.append(f"trust = [{', '.join(effects)}]")
            self.blocks.append(f"[shocks.{name}]\n" + "\n".join(lines) + "\n")

    def write_outcomes(self):
        count = len(self.outcome_names) if self.outcome_names else self.r.randint(0, 3)
        for i in range(count):
            when = self.rising_condition(2, None) if self.chance(0.6) else self.free_condition(1, None)
            lines = [f'when = "{when}"']
            if self.chance(0.25):
                lines = [f'when = "({when}) and step >= {self.steps // 2}"', "stop = true"]
            self.blocks.append(f"[outcomes.outcome_{i}]\n" + "\n".join(lines) + "\n")

    def write_metrics(self):
        c = lambda: self.r.choice(self.commitments)["name"]
        who = lambda: self.r.choice(self.everyone)
        target = lambda: self.r.choice(self.targets)
        resource = lambda: self.r.choice(self.resources)
        issue = f", {self.issues[-1]}" if self.issues else ""
        options = [
            lambda: f"offered({resource()}, {target()})",
            lambda: f"bound({resource()})",
            lambda: f"delivered({resource()}, {target()})",
            lambda: f"assured({resource()}, {target()}, {who()})",
            lambda: f"assured({resource()}, {target()}, {who()}) * level",
            lambda: f"parties({resource()})",
            lambda: f"parties({resource()}, {target()})",
            lambda: f"offers({c()}) + 10 * bonds({c()}) + 100 * kept({c()})",
            lambda: f"bound_at({c()})",
            lambda: f"stance({target()}{issue})",
            lambda: f"stance({target()})",
            lambda: f"trust({who()}, {who()})",
            lambda: f"count({self.r.choice(self.occasions)})",
            lambda: f"since({self.r.choice(self.occasions)})",
            lambda: "deadlocked",
            lambda: "step / steps",
            lambda: "share * half + level",
            lambda: f"exp(-level * stance({target()})) + ln(1 + bound({resource()}))",
            lambda: self.free_number(None)[0],
            lambda: f"if({self.free_condition(1, None)}, 1, 0)",
        ]
        if self.has("quantities"):
            options += [
                lambda: f"pending({c()}) + 10 * violated({c()}) + 100 * expired({c()}) + 1000 * terminated({c()})",
                lambda: f"rounds({c()}) + kept({c()})",
                lambda: f"if(reached({self.r.choice(self.outcome_names)}), 1, 0)",
                lambda: f"members({target()}) / 3",
                lambda: f"curve(bound({resource()}), 0, 0, 1, 0.3, 2.5, 0.1)",
            ]
        if self.has("time"):
            options += [lambda: f"step - {self.moment_text()}", self.duration, lambda: f"deadline + {self.duration()}"]
        if self.data:
            options += [lambda: "data(polls)"] * 4
        lines = [f'm{i} = "{self.r.choice(options)()}"' for i in range(self.r.randint(3, 8))]
        if self.chance(0.04):
            lines.append(f'failing = "sqrt(stance({who()}) - 0.2)"')
        if self.chance(0.02):
            lines.append(f'failing_late = "0 / (step - {self.steps // 2})"')
        self.blocks.append("[metrics]\n" + "\n".join(lines) + "\n")


# Seeds from here on have all that one file holds.
ALL_FEATURES = 10_000


def features_of(seed):
    """What a seed stands for where nothing else is said: from 10,000 on all that one file holds."""
    return tuple(f for f in FEATURES if f not in ("tables", "variants")) if seed >= ALL_FEATURES else ()


def scenario(seed, features=None):
    """The text alone: not for tables and variants, which take several files."""
    return Generator(seed, features_of(seed) if features is None else features).scenario()


def write(seed, features, folder):
    """Writes `scenario.toml` and the files that it names; gives the scenario's path."""
    os.makedirs(folder, exist_ok=True)
    generator = Generator(seed, features)
    files = {"scenario.toml": generator.scenario() + "\n", **generator.files}
    for name, text in files.items():
        with open(os.path.join(folder, name), "w", encoding="utf-8", newline="") as file:
            file.write(text)
    return os.path.join(folder, "scenario.toml")


def arguments(seed, features):
    """Moves that are added to a generated scenario's run, and a fork of it or none, as both programs take them:
    {"run": ["--move", …], "at": STEP or null, "set": [NAME=VALUE, …], "move": [C, …]}."""
    from scenario import Scenario

    g = Generator(f"arguments {seed}")
    with tempfile.TemporaryDirectory() as folder:
        scenario = Scenario(documents.load(write(seed, features, folder)), seed, 0, {})

    def bound():
        instance = g.pick(*scenario.instances)
        name = instance.commitment.name if g.chance(0.5) else instance.name
        graded = list(instance.graded)
        if not graded or g.chance(0.3):
            return name
        if len(graded) > 1 or g.chance(0.3):
            some = g.some(graded)
            return f"{name}={','.join(f'{r}:{fmt(g.real(0, 3))}' for r in some)}"
        return f"{name}={fmt(g.real(0, 3))}"

    def field():
        instance = g.pick(*scenario.instances)
        r = g.pick(*instance.amounts)
        limit = ".upto" if r in instance.graded else ""
        return f"commitments.{instance.commitment.name}.gives.{r}{limit}={fmt(g.real(0, 4))}"

    steps = scenario.steps
    moves = [f"{bound()}@{g.r.randrange(steps)}" for _ in range(g.pick(0, 1, 1, 2))]
    at = g.r.randrange(1, steps) if steps > 1 and g.chance(0.7) else None
    return {
        "run": moves,
        "at": at,
        "set": [field() for _ in range(g.pick(0, 0, 1, 2))] if at is not None else [],
        "move": [bound() for _ in range(g.pick(0, 1, 2))] if at is not None else [],
    }


def count(seeds, features):
    import oracle

    totals, runs = collections.Counter(), collections.Counter()
    for seed in range(seeds):
        try:
            with tempfile.TemporaryDirectory() as folder:
                run = oracle.simulate(oracle.load(write(seed, features, folder)), seed=seed)
        except Exception as error:
            print(f"seed {seed}: {type(error).__name__}: {error}")
            continue
        kinds = collections.Counter(e["event"] for e in run.events)
        rounds = collections.Counter()
        first_of = {}
        for e in run.events:
            if e["event"] == "detached" and e["cause"] is not None:
                by = run.events[e["cause"]]
                if by["event"] == "detached" and by["step"] == e["step"]:
                    kinds["(detached in a later round)"] += 1
            if e["event"] == "suspended" and e["cause"] is not None:
                if run.events[e["cause"]]["event"] in (
                    "suspended", "violated", "withdrawn", "released"
                ):
                    kinds["(suspended in a cascade)"] += 1
            if e["event"] == "created":
                if e["subject"] in first_of:
                    kinds["(created again)"] += 1
                first_of[e["subject"]] = e["seq"]
        if run.status != "ok":
            kinds["(run failed)"] += 1
        if run.gap:
            kinds["(deadlocked at the end)"] += 1
        totals.update(kinds)
        runs.update(kinds.keys())
        kinds[f"(outcome {run.outcome})"] += 1
    for kind, n in sorted(totals.items(), key=lambda x: -x[1]):
        print(f"{kind:32}{n:8} events in {runs[kind]:4} of {seeds} runs")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("seed", type=int, nargs="?")
    parser.add_argument("--count", type=int)
    parser.add_argument("--features")
    parser.add_argument("--arguments", action="store_true")
    parser.add_argument("--out")
    args = parser.parse_args()
    features = FEATURES if args.features == "all" else tuple((args.features or "").split(","))
    if args.features is None:
        features = features_of(args.seed or 0)
    assert set(features) <= set(FEATURES), f"features are {', '.join(FEATURES)}"
    if args.count is not None:
        count(args.count, features)
    elif args.arguments:
        print(json.dumps(arguments(args.seed, features)))
    elif args.out:
        write(args.seed, features, args.out)
    else:
        print(scenario(args.seed, features))


if __name__ == "__main__":
    main()
