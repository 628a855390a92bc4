"""Checks the oracle against published or provable results: `python3 -m unittest` here."""

import itertools
import math
import os
import statistics
import struct
import sys
import tomllib
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
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
        words = oracle.chacha_block((0,) * 8, 0, 0)
        self.assertEqual(struct.pack("<2I", *words[:2]).hex(), "3e00ef2f895f40d6")
        words = oracle.chacha_block((0,) * 8, 0, 0, rounds=20)
        self.assertEqual(words[:2], [0xADE0B876, 0x903DF1A0])

    def test_normal(self):
        for p in (0.25, 0.001, 1e-20, 0.5, 0.9, 0.999999):
            self.assertAlmostEqual(oracle.ppnd16(p), statistics.NormalDist().inv_cdf(p), 14)

    def test_exp_and_log(self):
        for i in range(-3000, 3000):
            x = i / 7.3
            self.assertAlmostEqual(oracle.libm_exp(x) / math.exp(x), 1.0, 15)
            if x > 0:
                self.assertAlmostEqual(oracle.libm_log(x), math.log(x), 14)
        self.assertEqual(oracle.libm_exp(math.inf), math.inf)
        self.assertEqual(oracle.libm_exp(-math.inf), 0.0)
        self.assertEqual(oracle.libm_log(0.0), -math.inf)
        self.assertTrue(math.isnan(oracle.libm_log(-1.0)))

    def test_fnv(self):
        self.assertEqual(oracle.fnv1a64(""), 0xCBF29CE484222325)
        self.assertEqual(oracle.fnv1a64("a"), 0xAF63DC4C8601EC8C)

    def test_amounts(self):
        self.assertEqual(oracle.to_millionths(0.0000005), 1)
        self.assertEqual(oracle.to_millionths(-0.0000005), -1)
        self.assertEqual(oracle.to_millionths(30000), 30_000_000_000)
        self.assertEqual(oracle.from_millionths(100_000), 0.1)


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
                (3, "suspended", "c", None, 4),
                (3, "withdrawn", "c", 3.0, 5),
                (4, "reactivated", "c", None, 6),
                (4, "delivered", "c", 1.5, 7),
                (5, "delivered", "c", 1.5, 8),
                (7, "satisfied", "c", None, 9),
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
                return {c.name for c in s.run.would_hold(s.open, [by_name[n] for n in names])}

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
