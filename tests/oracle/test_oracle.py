"""Checks the oracle against published or provable results: `python3 -m unittest` here."""

import itertools
import math
import os
import statistics
import struct
import sys
import tempfile
import tomllib
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import arithmetic
import expressions
import generate
import oracle
import solve




def simulate(text, **options):
    return oracle.simulate(tomllib.loads(text), **options)


def solver(text, at=None, seed=0):
    return solve.Solver(solve.state_at(lambda: tomllib.loads(text), seed=seed, at=at))


def unlocking(text, at=None, **options):
    return solve.explain(solver(text, at), **options)


def moves(answer):
    return sorted(tuple(s["moves"]) for s in answer["unlock"]["sets"])


RIOT = """
[time]
steps = 2
[cohorts.person]
size = 100
attributes = { threshold = "THRESHOLD" }
[commitments.join]
debtor = "person"
when = "bonds(join) >= own(threshold)"
[metrics]
joined = "bonds(join)"
"""

GUARANTEE = """
[time]
steps = 12
[resources]
troops = {}
backstop = {}
[actors.uk]
[actors.fr]
[actors.pl]
[actors.de]
[actors.us]
[groups]
four = ["uk", "fr", "pl", "de"]
[definitions]
want = "bound(backstop, us) > 0"
[commitments.uk_c]
debtor = "uk"
gives = { troops = 1 }
when = "want"
while = "want"
over = 20
[commitments.fr_c]
debtor = "fr"
gives = { troops = 1 }
when = "want"
while = "want"
over = 20
[commitments.pl_c]
debtor = "pl"
gives = { troops = 1 }
when = "want"
while = "want"
over = 20
[commitments.de_c]
debtor = "de"
gives = { troops = 1 }
when = "bonds(uk_c) + bonds(fr_c) >= 1"
while = "bonds(uk_c) + bonds(fr_c) >= 1"
over = 20
[commitments.us_c]
debtor = "us"
gives = { backstop = 1 }
when = "parties(troops, four) >= 2"
while = "parties(troops, four) >= 2 and (step < 3 or step > 6)"
over = 20
"""
PACKAGE = """
[meetings.all]
on = 1
attend = ["four", "us"]
package = true
"""

FRIEDKIN = """
[time]
steps = 400
[actors.a]
stance = 0.25
susceptibility = 0.78
[actors.b]
stance = 0.25
susceptibility = 0.785
[actors.c]
stance = 0.75
susceptibility = 0
[actors.d]
stance = 0.85
susceptibility = 0.714
[metrics]
a = "stance(a)"
b = "stance(b)"
c = "stance(c)"
d = "stance(d)"
"""
W = [[0.220, 0.120, 0.360, 0.300], [0.147, 0.215, 0.344, 0.294], [0, 0, 1, 0], [0.090, 0.178, 0.446, 0.286]]


def influence(rows):
    return "".join(
        f'[[influence]]\nfrom = "{"abcd"[j]}"\non = "{"abcd"[i]}"\nweight = {w}\n'
        for i, row in enumerate(rows)
        for j, w in enumerate(row)
        if w
    )


class Published(unittest.TestCase):
    def test_riot(self):
        run = simulate(RIOT.replace("THRESHOLD", "index - 1"))
        self.assertEqual(run.final_metrics["joined"], 100)
        text = RIOT.replace("THRESHOLD", "if(index == 2, 2, index - 1)")
        answer = unlocking(text)
        self.assertEqual(len(answer["gap"]), 99)
        self.assertEqual(answer["unlock"]["count"], 99)
        self.assertEqual({s["cost"] for s in answer["unlock"]["sets"]}, {1})
        self.assertEqual(simulate(text).final_metrics["joined"], 1)

    def test_normal_thresholds(self):
        for sigma, expected in ((12.2, 6), (12.3, 100)):
            # n ← ⌈100·Φ((n−25)/σ)⌉ is the number of thresholds below n; threshold i is the
            # least n that brings i people out (someone whom nobody needs to precede: −1 or 0).
            phi = statistics.NormalDist(25, sigma).cdf
            thresholds = [next(n for n in range(-1, 101) if math.ceil(100 * phi(n)) >= i) for i in range(1, 101)]
            actors = "".join(
                f"[actors.p{i}]\nattributes = {{ t = {t} }}\n" for i, t in enumerate(thresholds)
            )
            group = ", ".join(f'"p{i}"' for i in range(100))
            text = (
                f"[time]\nsteps = 1\n{actors}[groups]\nall = [{group}]\n"
                '[commitments.join]\ndebtor = "all"\nwhen = "bonds(join) >= own(t)"\n'
                '[metrics]\njoined = "bonds(join)"\n'
            )
            self.assertEqual(simulate(text).final_metrics["joined"], expected)

    def test_guarantee(self):
        answer = unlocking(GUARANTEE, summit=True)
        names = {"uk_c", "fr_c", "pl_c", "de_c", "us_c"}
        self.assertEqual(set(answer["gap"]), names)
        self.assertEqual(moves(answer), [("fr_c",), ("pl_c", "de_c"), ("uk_c",), ("us_c",)])
        self.assertEqual(len(answer["circles"]), 1)
        run = simulate(GUARANTEE + PACKAGE)
        happened = [(e["step"], e["event"]) for e in run.events]
        self.assertEqual(happened.count((1, "detached")), 5)
        self.assertEqual(happened.count((3, "suspended")), 1)
        self.assertEqual(happened.count((4, "suspended")), 3)
        self.assertEqual(happened.count((5, "suspended")), 1)
        self.assertNotIn("reactivated", [e for _, e in happened])
        self.assertEqual({c.state for c in run.scenario.instances}, {"pending"})
        keystones = unlocking(GUARANTEE + PACKAGE, at=2, keystones=True)["keystones"]
        us = next(k for k in keystones if k["actor"] == "us")
        self.assertEqual(us["waves"], [["uk_c", "fr_c", "pl_c"], ["de_c"]])

    def test_friedkin_johnsen(self):
        run = simulate(FRIEDKIN + influence(W))
        first = [v for step, _, v in run.series if step == 0]
        last = [v for step, _, v in run.series if step == 399]
        for got, expected in zip(first, (0.5308, 0.523494, 0.75, 0.7033444)):
            self.assertAlmostEqual(got, expected, 12)
        for got, expected in zip(last, (0.6002084883, 0.5998396594, 0.75, 0.7498620494)):
            self.assertAlmostEqual(got, expected, 10)

    def test_degroot(self):
        text = """
            [time]
            steps = 300
            [actors.a]
            stance = 0.2
            [actors.b]
            stance = 0.9
            [actors.c]
            stance = 0.4
            [metrics]
            a = "stance(a)"
            c = "stance(c)"
        """
        run = simulate(text + influence([[1, 1, 1], [1, 1, 0], [0, 0.25, 0.75]]))
        consensus = (3 * 0.2 + 4 * 0.9 + 4 * 0.4) / 11
        self.assertAlmostEqual(run.final_metrics["a"], consensus, 9)
        self.assertAlmostEqual(run.final_metrics["c"], consensus, 9)

    def test_beta_reputation(self):
        text = """
            [time]
            steps = 20
            [resources]
            aid = {}
            [actors.giver]
            [actors.taker]
            [actors.other]
            [trust]
            default = 0.5
            strength = 2
            [commitments.good]
            debtor = "giver"
            creditor = "taker"
            gives = { aid = 8 }
            over = 4
            initial = "detached"
            [commitments.good2]
            debtor = "giver"
            creditor = "taker"
            gives = { aid = 8 }
            initial = "detached"
            [commitments.bad]
            debtor = "giver"
            creditor = "taker"
            gives = { aid = 8 }
            initial = "detached"
            lead = 5
            due = 2
            [metrics]
            trust = "trust(taker, giver)"
            other = "trust(other, giver)"
        """
        run = simulate(text)  # prior 1, 1; 2 kept and 1 broken
        self.assertAlmostEqual(run.final_metrics["trust"], 3 / 5, 12)
        self.assertEqual(run.final_metrics["other"], 0.5)
        text = text.replace("strength = 2", "strength = 2\nkept = 4")
        self.assertAlmostEqual(simulate(text).final_metrics["trust"], 9 / 11, 12)

    def test_disjoint_pairs(self):
        text = "[time]\nsteps = 1\n"
        for i in range(5):
            for one, other in (("a", "b"), ("b", "a")):
                text += f'[actors.{one}{i}]\n[commitments.c_{one}{i}]\ndebtor = "{one}{i}"\n'
                text += f'when = "bonds(c_{other}{i}) >= 1"\n'
        answer = unlocking(text)
        self.assertEqual(answer["unlock"]["lower"], 5)
        self.assertEqual(answer["unlock"]["count"], 32)
        self.assertEqual(len(answer["circles"]), 5)

    def test_digraphs_of_three(self):
        """AND: minimum unlock = minimum feedback vertex set; OR: number of source components."""
        arcs = [(a, b) for a in range(3) for b in range(3) if a != b]
        for chosen in itertools.product((False, True), repeat=len(arcs)):
            waits = {v: [b for (a, b), on in zip(arcs, chosen) if on and a == v] for v in range(3)}
            acyclic_without = [
                size
                for size in range(4)
                for removed in itertools.combinations(range(3), size)
                if is_acyclic({v: [w for w in ws if w not in removed] for v, ws in waits.items() if v not in removed})
            ]
            self.assertEqual(self.least(waits, "and", 1), min(acyclic_without))
            if all(waits.values()):
                self.assertEqual(self.least(waits, "or", 1), closed_components(waits))

    def least(self, waits, word, least):
        text = "[time]\nsteps = 1\n"
        for v, ws in waits.items():
            when = f" {word} ".join(f"bonds(c{w}) >= {least}" for w in ws) or "true"
            text += f'[actors.a{v}]\n[commitments.c{v}]\ndebtor = "a{v}"\nwhen = "{when}"\n'
        return unlocking(text)["unlock"]["lower"]


def promises(levels, upto=100, extra=""):
    """One graded promise of each actor, with the level given by an expression."""
    uptos = upto if isinstance(upto, list) else [upto] * len(levels)
    text = "[time]\nsteps = 1\n[resources]\nr = {}\n"
    for i, (level, most) in enumerate(zip(levels, uptos)):
        text += f'[actors.a{i}]\n[commitments.c{i}]\ndebtor = "a{i}"\n'
        text += f'gives = {{ r = {{ upto = {most}, as = "{level}" }} }}\n'
        text += f'over = 9\n{extra}'
    return text


def amounts(run):
    return [c.given["r"] / 1e6 for c in run.scenario.instances]


class Graded(unittest.TestCase):
    """Published and derived results about graded promises."""

    def settles(self, text, expected, gap=0):
        run = simulate(text)
        self.assertEqual(run.status, "ok")
        for got, wanted in zip(amounts(run), expected, strict=True):
            self.assertAlmostEqual(got, wanted, delta=1e-5)
        self.assertEqual(len(run.gap), gap)

    def test_two_matchers(self):
        self.settles(promises(["50 + 0.5 * bound(r)", "20 + 0.25 * bound(r)"]), [68.571429, 37.142857])

    def test_equal_matchers(self):
        self.settles(promises(["2 + 0.5 * bound(r) / 3"] * 4), [4] * 4)

    def test_free_rider(self):
        self.settles(promises(["0", *["1 + bound(r) / 3"] * 3]), [0, 3, 3, 3])

    def test_no_seed(self):
        text = promises(["bound(r)"] * 2)
        self.settles(text, [0, 0], gap=2)
        summit = '[meetings.m]\non = 0\nattend = ["a0", "a1"]\npackage = true\n'
        self.settles(text + summit, [100, 100])

    def test_explosive(self):
        text = promises(["2 * bound(r)"] * 2)
        self.settles(text, [0, 0], gap=2)
        s = solver(text)
        self.assertEqual([x["r"] for x in s.high.values()], [100_000_000] * 2)
        self.assertEqual(unlocking(text)["unlock"]["count"], 2)
        for c in ("c0", "c1"):
            move = f'[moves.m]\non = 0\nbind = [{{ commitment = "{c}", amount = 0.000001 }}]\n'
            self.settles(text + move, [100, 100])

    def test_burden_keys(self):
        keys = (0.5, 0.3, 0.2)
        text = promises([f"{k} / (1 - {k}) * bound(r)" for k in keys], [50, 40, 10])
        self.settles(text, [0, 0, 0], gap=3)
        for got, wanted in zip(solver(text).high.values(), (25, 15, 10)):
            self.assertAlmostEqual(got["r"] / 1e6, wanted, delta=1e-5)
        self.assertEqual(moves(unlocking(text)), [("c0",), ("c1",), ("c2",)])

    def test_no_false_deadlock(self):
        random = generate.random.Random("contractions")
        for _ in range(12):
            n = random.randint(2, 4)
            most = 10 ** random.uniform(0, 6)
            levels = []
            for i in range(n):
                row = [random.random() for _ in range(n)]
                total = sum(row) - row[i]
                share = random.choice((0.5, 0.9, 0.99))
                terms = [f"{row[j] / total * share} * bound(r, a{j})" for j in range(n) if j != i]
                levels.append(" + ".join([f"{random.uniform(0, most / 20)}", *terms]))
            run = simulate(promises(levels, most))
            self.assertEqual((run.status, run.gap), ("ok", []))

    def test_conditional_approval(self):
        """Willing to approve at w % means: as long as fewer than w % do not approve."""
        willing = (100, 90, 65, 55, 50, 45, 30, 20, 0, 0)
        text = "[time]\nsteps = 1\n"
        for i, w in enumerate(willing):
            text += f"[actors.p{i}]\nattributes = {{ w = {w} }}\n"
        text += f"[groups]\nall = {[f'p{i}' for i in range(10)]}\n".replace("'", '"')
        text += '[commitments.c]\ndebtor = "all"\nwhen = "10 * (bonds(c) + 1) > 100 - own(w)"\n'
        run = simulate(text)
        bound = sum(c.state in ("detached", "satisfied") for c in run.scenario.instances)
        self.assertEqual((bound, bound + len(run.gap)), (2, 6))

    def test_minimum_participation(self):
        text = '[time]\nsteps = 1\n[cohorts.state]\nsize = 10\n[commitments.c]\ndebtor = "state"\n'
        answer = unlocking(text + 'when = "3 * bonds(c) + 3 > 10"\n')["unlock"]
        self.assertEqual((answer["lower"], answer["count"]), (3, 120))

    def test_steps_by(self):
        """Whole steps of `by`, except that `upto` is always a level."""
        text = promises(["7.3", "12", "-1"], [10, 11, 5]).replace("upto", "by = 2, upto")
        self.settles(text, [6, 11, 0])

    def test_causes_of_raised(self):
        """The latest base of all that it leans on: here the seed's."""
        text = promises(["bound(r)", "bound(r)"])
        text += '[actors.seed]\n[commitments.seed]\ndebtor = "seed"\ngives = { r = 5 }\n'
        text = text.replace("steps = 1", "steps = 3") + 'when = "step >= 2"\nlead = 9\n'
        run = simulate(text)
        raised = [e for e in run.events if e["event"] == "raised"]
        self.assertEqual([(e["step"], e["value"]) for e in raised], [(2, 100.0), (2, 100.0)])
        bound = next(e for e in run.events if e["event"] == "detached" and e["subject"] == "seed")
        self.assertEqual({e["cause"] for e in raised}, {bound["seq"]})


class Dates(unittest.TestCase):
    def numbers(self, time, *expressions):
        text = f"[time]\n{time}\nsteps = 1\n[actors.a]\n[metrics]\n"
        text += "".join(f'm{i} = "{e}"\n' for i, e in enumerate(expressions))
        return list(simulate(text).final_metrics.values())

    def test_kyoto(self):
        self.assertEqual(
            self.numbers("start = 1997-12-11", "2004-11-18 + 90 days - 2005-02-16", "44.2 + 17.4"),
            [0.0, 61.6],
        )

    def test_dates(self):
        self.assertEqual(
            self.numbers("start = 2025-03-10T06:00:00\nstep = '6 hours'",
                         "2025-03-10T05:59", "2025-03-10T06:00", "2025-03-11", "1 week", "90minutes"),
            [-1, 0, 3, 28, 0.25],
        )  # fmt: skip

    def test_months(self):
        self.assertEqual(
            self.numbers("start = 2024-01-31\nstep = '1 month'",
                         "2024-02-28", "2024-02-29", "2024-03-30", "2024-03-31", "2024-01-30",
                         "2023-12-30", "1 year", "3 months"),
            [0, 1, 1, 2, -1, -2, 12, 3],
        )  # fmt: skip
        run = simulate("[time]\nstart = 2023-01-31\nend = 2023-04-30\nstep = '1 month'\n[actors.a]\n")
        self.assertEqual(run.scenario.steps, 3)
        self.assertEqual([run.scenario.date_of(t) for t in range(4)],
                         ["2023-01-31", "2023-02-28", "2023-03-31", "2023-04-30"])  # fmt: skip


class Rounds(unittest.TestCase):
    def happened(self, text, **options):
        return [(e["step"], e["event"], e["cause"]) for e in simulate(text, **options).events]

    def test_resumable_circle(self):
        """Two who suspended over each other come back only by a package."""
        text = "[time]\nsteps = 6\n[resources]\nr = {}\n"
        for one, other in (("a", "b"), ("b", "a")):
            text += f'[actors.{one}]\n[commitments.{one}]\ndebtor = "{one}"\ngives = {{ r = 1 }}\n'
            text += f'initial = "detached"\nresumable = true\nlead = 9\nwhile = "bonds({other}) >= 1"\n'
        text = text.replace('1"', '1 and (step < 1 or step > 3)"', 1)
        run = simulate(text + '[meetings.m]\non = 4\nattend = ["a", "b"]\npackage = true\n')
        happened = [(e["step"], e["event"], e["subject"]) for e in run.events]
        self.assertIn((2, "suspended", "b"), happened)
        self.assertIn((4, "reactivated", "a"), happened)
        self.assertIn((4, "reactivated", "b"), happened)

    def test_renewal(self):
        text = """
            [time]
            steps = 4
            [resources]
            aid = {}
            [actors.a]
            [commitments.c]
            debtor = "a"
            gives = { aid = 3 }
            renew = "step == 2"
            [metrics]
            given = "delivered(aid)"
            kept = "kept(c)"
            rounds = "rounds(c)"
            expected = "assured(aid, a, b)"
            [actors.b]
        """
        self.assertEqual(
            self.happened(text),
            [(0, "started", None), (0, "created", None), (0, "detached", 1), (0, "delivered", 2),
             (0, "satisfied", 3), (2, "renewed", None), (2, "created", 5), (2, "detached", 6),
             (2, "delivered", 7), (2, "satisfied", 8), (3, "ended", None)],
        )  # fmt: skip
        self.assertEqual(
            simulate(text).final_metrics, {"given": 6, "kept": 1, "rounds": 2, "expected": 6}
        )

    def test_moves(self):
        text = """
            [time]
            steps = 3
            [resources]
            aid = {}
            [actors.a]
            [commitments.c]
            debtor = "a"
            gives = { aid = { upto = 3, as = "0" } }
            when = "step > 9"
            expires = 1
        """
        self.assertEqual(
            self.happened(text, moves=[("c", 2.0, 1)]),
            [(0, "started", None), (0, "created", None), (1, "expired", 1), (1, "moved", None),
             (1, "renewed", 3), (1, "created", 3), (1, "detached", 3), (1, "raised", 3),
             (1, "delivered", 7), (2, "ended", None)],
        )  # fmt: skip


class Turning(unittest.TestCase):
    """Section 7 of the additions: what turned a condition."""

    def test_what_turned(self):
        text = """
            [time]
            steps = 3
            [actors.a]
            [actors.b]
            [actors.c]
            [commitments.x]
            debtor = "a"
            initial = "detached"
            lead = 9
            gives = { r = 1 }
            [commitments.y]
            debtor = "b"
            when = "step >= 1"
            lead = 9
            gives = { r = 1 }
            [commitments.z]
            debtor = "c"
            gives = { r = 1 }
            when = "bound(r) >= 1 or bound(r) >= 2"
            offer = "step >= 2"
            [resources]
            r = {}
            [outcomes.two]
            when = "bound(r) >= 2 and step >= 1"
            [outcomes.after]
            when = "reached(two)"
        """
        run = simulate(text)
        causes = {
            (e["event"], e["subject"]): e["cause"] and (run.events[e["cause"]]["event"], run.events[e["cause"]]["subject"])
            for e in run.events
        }
        self.assertEqual(causes["detached", "y"], None)
        self.assertEqual(causes["created", "z"], None)
        self.assertEqual(causes["detached", "z"], ("created", "z"))
        self.assertEqual(causes["reached", "two"], ("detached", "y"))
        self.assertEqual(causes["reached", "after"], ("reached", "two"))


class Files(unittest.TestCase):
    def run_files(self, files, name):
        with tempfile.TemporaryDirectory() as folder:
            for file, text in files.items():
                with open(os.path.join(folder, file), "w", encoding="utf-8") as out:
                    out.write(text)
            return oracle.simulate(oracle.load(os.path.join(folder, name)))

    def test_variant(self):
        base = """
            [time]
            steps = 4
            [parameters]
            x = { value = 1, range = [0, 9] }
            y = 2
            [actors.a]
            stance = 0.2
            susceptibility = 0.5
            [actors.b]
            [metrics]
            m = "x + y"
            n = "stance(a)"
        """
        variant = """
            extends = "base.toml"
            remove = ["actors.b", "time.steps", "metrics.n"]
            time.steps = 2
            parameters.x = 5
            actors.c = {}
            actors.a.stance = 0.4
            metrics.n = "10 * stance(a) + members(all)"
            groups.all = ["a", "c"]
        """
        run = self.run_files({"base.toml": base, "v.toml": variant}, "v.toml")
        self.assertEqual(run.final_metrics, {"m": 7.0, "n": 6.0})
        self.assertEqual([a.id for a in run.scenario.actors], ["a", "c"])
        self.assertEqual((run.scenario.steps, run.scenario.actors[0].susceptibility), (2, 0.5))

    def test_tables(self):
        text = """
            [time]
            start = 2025-01-06
            step = "1 week"
            steps = 3
            [cohorts.party]
            table = "parties.csv"
            id = "Code"
            member_of = "Bloc"
            stance = { column = "Stance", missing = 0.25 }
            attributes = { share = { column = "Share" }, joined = { column = "Joined", missing = inf } }
            [data.polls]
            table = "polls.csv"
            date = "date"
            value = "v"
            between = "linear"
            [metrics]
            held = "stance(left)"
            members = "members(left) + 10 * members(right)"
            polls = "data(polls)"
            [commitments.c]
            debtor = "party"
            expires = "own(joined)"
            when = "step > 9"
            [influence]
        """.replace("[influence]", '[[influence]]\ntable = "ties.csv"')
        parties = "\ufeffCode,Bloc,Stance,Share,Joined\r\nA,left;Right,0.5,1e1,2025-01-13\r\nB,left,,TRUE,\r\n"
        run = self.run_files(
            {"s.toml": text, "parties.csv": parties, "ties.csv": "from,on\na,B\n",
             "polls.csv": "date,v\n2025-01-06,10\n2025-01-20,20\n"}, "s.toml",
        )  # fmt: skip
        self.assertEqual([v for _, n, v in run.series if n == "polls"], [10, 15, 20])
        self.assertEqual(run.final_metrics["held"], 0.5)
        self.assertEqual(run.final_metrics["members"], 12)
        self.assertEqual(
            [a.attributes for a in run.scenario.actors],
            [{"share": 10.0, "joined": 1.0}, {"share": 1.0, "joined": math.inf}],
        )
        expired = [(e["step"], e["subject"]) for e in run.events if e["event"] == "expired"]
        self.assertEqual(expired, [(1, "c/a")])

    def test_curve(self):
        points = [(0.0, 0.0), (1.0, 0.1), (3.0, 0.7)]
        for x, y in ((-1, 0), (0, 0), (0.5, 0.05), (1, 0.1), (2, 0.4), (3, 0.7), (math.inf, 0.7)):
            self.assertAlmostEqual(expressions.curve(x, points), y, 15)


def is_acyclic(graph):
    graph = {v: set(ws) for v, ws in graph.items()}
    while graph:
        leaf = next((v for v, ws in graph.items() if not ws & set(graph)), None)
        if leaf is None:
            return False
        del graph[leaf]
    return True


def closed_components(waits):
    reach = {v: {v} for v in waits}
    for _ in waits:
        for v in waits:
            for w in list(reach[v]):
                reach[v] |= set(waits[w])
    return len({frozenset(r) for v, r in reach.items() if all(v in reach[w] for w in r)})


class Numbers(unittest.TestCase):
    def test_chacha(self):
        # ChaCha8 and ChaCha20 with a zero key, counter and nonce: eSTREAM's first words.
        words = arithmetic.chacha_block((0,) * 8, 0, 0)
        self.assertEqual(struct.pack("<2I", *words[:2]).hex(), "3e00ef2f895f40d6")
        words = arithmetic.chacha_block((0,) * 8, 0, 0, rounds=20)
        self.assertEqual(words[:2], [0xADE0B876, 0x903DF1A0])

    def test_normal(self):
        for p in (0.25, 0.001, 1e-20, 0.5, 0.9, 0.999999):
            self.assertAlmostEqual(arithmetic.ppnd16(p), statistics.NormalDist().inv_cdf(p), 14)

    def test_exp_and_log(self):
        for i in range(-3000, 3000):
            x = i / 7.3
            self.assertAlmostEqual(arithmetic.libm_exp(x) / math.exp(x), 1.0, 15)
            if x > 0:
                self.assertAlmostEqual(arithmetic.libm_log(x), math.log(x), 14)
        self.assertEqual(arithmetic.libm_exp(math.inf), math.inf)
        self.assertEqual(arithmetic.libm_exp(-math.inf), 0.0)
        self.assertEqual(arithmetic.libm_log(0.0), -math.inf)
        self.assertTrue(math.isnan(arithmetic.libm_log(-1.0)))

    def test_fnv(self):
        self.assertEqual(arithmetic.fnv1a64(""), 0xCBF29CE484222325)
        self.assertEqual(arithmetic.fnv1a64("a"), 0xAF63DC4C8601EC8C)

    def test_amounts(self):
        self.assertEqual(arithmetic.to_millionths(0.0000005), 1)
        self.assertEqual(arithmetic.to_millionths(-0.0000005), -1)
        self.assertEqual(arithmetic.to_millionths(30000), 30_000_000_000)
        self.assertEqual(arithmetic.from_millionths(100_000), 0.1)


class Life(unittest.TestCase):
    def events(self, text, **options):
        return [
            (e["step"], e["event"], e["subject"], e["value"], e["cause"])
            for e in simulate(text, **options).events
        ]

    def test_maintained(self):
        """Build-up, suspension with withdrawal, reactivation, satisfaction by `until`."""
        text = """
            [time]
            steps = 9
            [resources]
            aid = {}
            [actors.a]
            [commitments.c]
            debtor = "a"
            gives = { aid = 3 }
            maintain = true
            over = 2
            while = "not (step == 3)"
            until = "step >= 7"
        """
        self.assertEqual(
            self.events(text),
            [
                (0, "started", "", None, None),
                (0, "created", "c", None, None),
                (0, "detached", "c", None, 1),
                (0, "delivered", "c", 1.5, 2),
                (1, "delivered", "c", 1.5, 3),
                (3, "suspended", "c", None, None),
                (3, "withdrawn", "c", 3.0, 5),
                (4, "reactivated", "c", None, None),
                (4, "delivered", "c", 1.5, 7),
                (5, "delivered", "c", 1.5, 8),
                (7, "satisfied", "c", None, None),
                (7, "withdrawn", "c", 3.0, 10),
                (8, "ended", "stalemate", None, None),
            ],
        )

    def test_failure(self):
        text = """
            [time]
            steps = 9
            [actors.a]
            [shocks.s]
            rate = "2 - step"
            [metrics]
            m = "sqrt(1 - step)"
        """
        run = simulate(text)
        self.assertTrue(run.status.startswith("failed"))
        self.assertEqual(run.status, "failed: metrics.m at step 2: is not a number")
        self.assertNotIn("ended", [e["event"] for e in run.events])
        self.assertEqual([v for _, _, v in run.series], [1.0, 0.0])


class Generated(unittest.TestCase):
    """Theorems of section 7, on states of generated scenarios."""

    def test_agreements(self):
        checked = 0
        for seed in range(40):
            text = generate.scenario(seed)
            s = solver(text)
            if s.run.status != "ok" or not 0 < len(s.open) <= 7:
                continue
            checked += 1
            subsets = [
                set(c.name for c in sub)
                for size in range(len(s.open) + 1)
                for sub in itertools.combinations(s.open, size)
            ]
            by_name = {c.name: c for c in s.open}

            def step(names):
                hypothesis = {by_name[n]: {} for n in names}
                return {c.name for c in s.run.follows(s.open, hypothesis)}

            f = [step(sub) for sub in subsets]
            gap = set().union(*(sub for sub, image in zip(subsets, f) if sub <= image))
            self.assertEqual(gap, {c.name for c in s.run.gap})  # Knaster–Tarski
            self.assertEqual(step(set()), set())  # after an Exchange, L is empty
            everything = set(by_name)
            for sub, image in zip(subsets, f):
                for n in sub:
                    self.assertLessEqual(step(sub - {n}), image)  # monotone
            blocked = [b for b in subsets if b & gap and not b & step(everything - b)]
            for u in subsets:  # the duality
                reaches = s.reaches(None, [by_name[n] for n in u])
                self.assertEqual(reaches, all(u & b for b in blocked))
        self.assertGreater(checked, 8)


if __name__ == "__main__":
    unittest.main()
