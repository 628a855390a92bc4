#!/usr/bin/env python3
"""An independent reference implementation of the Backstop simulator.

    python3 oracle.py run FILE [--seed N] [--replicate K] [--set NAME=VALUE]... --out DIR

It is a literal translation of the written specification, made without looking at
the main program, so that a disagreement between the two points at a mistake in one
of them or at a hole in the specification. Clarity comes before speed. It assumes a
valid scenario and gives no helpful diagnostics; a run that fails at run time (a NaN
in an expression, a negative rate) behaves as specified.

Only the Python standard library is used.
"""

import argparse
import csv
import datetime
import math
import os
import re
import struct
import sys
import tomllib

MILLION = 1_000_000
INF = math.inf


class RunFailure(Exception):
    """A run that fails at run time: an expression that is no number, a negative rate."""


# ---------------------------------------------------------------------------------
# Transcendental functions: exp and log ported from the Rust crate `libm` (itself
# FreeBSD's msun by way of musl), so that the bits agree and not only the digits.
# `sqrt` is correctly rounded everywhere, so Python's own will do.
# ---------------------------------------------------------------------------------


def bits_of(x):
    return struct.unpack("<Q", struct.pack("<d", x))[0]


def float_of(bits):
    return struct.unpack("<d", struct.pack("<Q", bits))[0]


def libm_exp(x):
    ln2hi, ln2lo = 6.93147180369123816490e-01, 1.90821492927058770002e-10
    invln2 = 1.44269504088896338700e00
    p1, p2 = 1.66666666666666019037e-01, -2.77777777770155933842e-03
    p3, p4 = 6.61375632143793436117e-05, -1.65339022054652515390e-06
    p5 = 4.13813679705723846039e-08
    hx = bits_of(x) >> 32
    sign = hx >> 31
    hx &= 0x7FFFFFFF
    if hx >= 0x4086232B:
        if math.isnan(x):
            return x
        if x > 709.782712893383973096:
            return INF
        if x < -745.13321910194110842:
            return 0.0
    if hx > 0x3FD62E42:  # |x| > 0.5 ln2
        if hx >= 0x3FF0A2B2:  # |x| >= 1.5 ln2
            k = int(invln2 * x + (-0.5 if sign else 0.5))  # truncates towards zero
        else:
            k = 1 - sign - sign
        hi = x - k * ln2hi
        lo = k * ln2lo
        x = hi - lo
    elif hx > 0x3E300000:  # |x| > 2**-28
        k = 0
        hi = x
        lo = 0.0
    else:
        return 1.0 + x
    xx = x * x
    c = x - xx * (p1 + xx * (p2 + xx * (p3 + xx * (p4 + xx * p5))))
    y = 1.0 + (x * c / (2.0 - c) - lo + hi)
    if k == 0:
        return y
    try:
        return math.ldexp(y, k)
    except OverflowError:
        return INF


def libm_log(x):
    ln2_hi, ln2_lo = 6.93147180369123816490e-01, 1.90821492927058770002e-10
    lg1, lg2 = 6.666666666666735130e-01, 3.999999999940941908e-01
    lg3, lg4 = 2.857142874366239149e-01, 2.222219843214978396e-01
    lg5, lg6 = 1.818357216161805012e-01, 1.531383769920937332e-01
    lg7 = 1.479819860511658591e-01
    ui = bits_of(x)
    hx = ui >> 32
    k = 0
    if hx < 0x00100000 or (hx >> 31) != 0:
        if (ui << 1) & 0xFFFFFFFFFFFFFFFF == 0:
            return -INF
        if hx >> 31 != 0:
            return math.nan
        k -= 54  # a subnormal number, scaled up
        x *= 18014398509481984.0
        ui = bits_of(x)
        hx = ui >> 32
    elif hx >= 0x7FF00000:
        return x
    elif hx == 0x3FF00000 and (ui << 32) & 0xFFFFFFFFFFFFFFFF == 0:
        return 0.0
    hx += 0x3FF00000 - 0x3FE6A09E
    k += (hx >> 20) - 0x3FF
    hx = (hx & 0x000FFFFF) + 0x3FE6A09E
    x = float_of((hx << 32) | (ui & 0xFFFFFFFF))
    f = x - 1.0
    hfsq = 0.5 * f * f
    s = f / (2.0 + f)
    z = s * s
    w = z * z
    t1 = w * (lg2 + w * (lg4 + w * lg6))
    t2 = z * (lg1 + w * (lg3 + w * (lg5 + w * lg7)))
    r = t2 + t1
    dk = float(k)
    return s * (hfsq + r) + dk * ln2_lo - hfsq + f + dk * ln2_hi


def ieee_sqrt(x):
    return math.nan if x < 0.0 else math.sqrt(x)


def ieee_div(a, b):
    if b == 0.0:
        if a == 0.0 or math.isnan(a):
            return math.nan
        return math.copysign(INF, math.copysign(1.0, a) * math.copysign(1.0, b))
    return a / b


# ---------------------------------------------------------------------------------
# Randomness (section 8)
# ---------------------------------------------------------------------------------


def fnv1a64(text):
    h = 0xCBF29CE484222325
    for byte in text.encode("utf-8"):
        h = ((h ^ byte) * 0x100000001B3) & 0xFFFFFFFFFFFFFFFF
    return h


def chacha_block(key_words, block, stream, rounds=8):
    """One block of 16 words: 64-bit block counter in words 12-13, stream in 14-15."""
    mask = 0xFFFFFFFF
    start = [0x61707865, 0x3320646E, 0x79622D32, 0x6B206574, *key_words]
    start += [block & mask, (block >> 32) & mask, stream & mask, (stream >> 32) & mask]
    s = list(start)

    def quarter(a, b, c, d):
        s[a] = (s[a] + s[b]) & mask
        s[d] ^= s[a]
        s[d] = ((s[d] << 16) | (s[d] >> 16)) & mask
        s[c] = (s[c] + s[d]) & mask
        s[b] ^= s[c]
        s[b] = ((s[b] << 12) | (s[b] >> 20)) & mask
        s[a] = (s[a] + s[b]) & mask
        s[d] ^= s[a]
        s[d] = ((s[d] << 8) | (s[d] >> 24)) & mask
        s[c] = (s[c] + s[d]) & mask
        s[b] ^= s[c]
        s[b] = ((s[b] << 7) | (s[b] >> 25)) & mask

    for _ in range(rounds // 2):
        quarter(0, 4, 8, 12)
        quarter(1, 5, 9, 13)
        quarter(2, 6, 10, 14)
        quarter(3, 7, 11, 15)
        quarter(0, 5, 10, 15)
        quarter(1, 6, 11, 12)
        quarter(2, 7, 8, 13)
        quarter(3, 4, 9, 14)
    return [(a + b) & mask for a, b in zip(s, start)]


class Random:
    def __init__(self, seed, replicate):
        key = struct.pack("<QQ", seed, replicate) + bytes(16)
        self.key_words = struct.unpack("<8I", key)

    def word(self, source, step):
        """The one `next_u64` at word position 2·step of the source's stream."""
        position = 2 * step
        words = chacha_block(self.key_words, position // 16, fnv1a64(source))
        return words[position % 16] | (words[position % 16 + 1] << 32)


def to_u(x):
    """For events of a probability and for `choice`: in [0, 1)."""
    return (x >> 11) * 2.0**-53


def to_v(x):
    """For continuous distributions: in (0, 1)."""
    return ((x >> 12) + 0.5) * 2.0**-52


def ppnd16(p):
    """Wichura's algorithm AS 241, PPND16: the inverse of the normal distribution."""

    def horner(coefficients, r):
        value = coefficients[-1]
        for c in reversed(coefficients[:-1]):
            value = value * r + c
        return value

    a = [3.3871328727963666080e0, 1.3314166789178437745e2, 1.9715909503065514427e3,
         1.3731693765509461125e4, 4.5921953931549871457e4, 6.7265770927008700853e4,
         3.3430575583588128105e4, 2.5090809287301226727e3]  # fmt: skip
    b = [1.0, 4.2313330701600911252e1, 6.8718700749205790830e2, 5.3941960214247511077e3,
         2.1213794301586595867e4, 3.9307895800092710610e4, 2.8729085735721942674e4,
         5.2264952788528545610e3]  # fmt: skip
    c = [1.42343711074968357734e0, 4.63033784615654529590e0, 5.76949722146069140550e0,
         3.64784832476320460504e0, 1.27045825245236838258e0, 2.41780725177450611770e-1,
         2.27238449892691845833e-2, 7.74545014278341407640e-4]  # fmt: skip
    d = [1.0, 2.05319162663775882187e0, 1.67638483018380384940e0, 6.89767334985100004550e-1,
         1.48103976427480074590e-1, 1.51986665636164571966e-2, 5.47593808499534494600e-4,
         1.05075007164441684324e-9]  # fmt: skip
    e = [6.65790464350110377720e0, 5.46378491116411436990e0, 1.78482653991729133580e0,
         2.96560571828504891230e-1, 2.65321895265761230930e-2, 1.24266094738807843860e-3,
         2.71155556874348757815e-5, 2.01033439929228813265e-7]  # fmt: skip
    f = [1.0, 5.99832206555887937690e-1, 1.36929880922735805310e-1, 1.48753612908506148525e-2,
         7.86869131145613259100e-4, 1.84631831751005468180e-5, 1.42151175831644588870e-7,
         2.04426310338993978564e-15]  # fmt: skip
    q = p - 0.5
    if abs(q) <= 0.425:
        r = 0.180625 - q * q
        return q * horner(a, r) / horner(b, r)
    r = p if q < 0.0 else 1.0 - p
    r = ieee_sqrt(-libm_log(r))
    if r <= 5.0:
        r -= 1.6
        value = horner(c, r) / horner(d, r)
    else:
        r -= 5.0
        value = horner(e, r) / horner(f, r)
    return -value if q < 0.0 else value


DISTRIBUTIONS = ("uniform", "triangular", "normal", "choice")


def draw_uniform(v, lo, hi):
    return lo + (hi - lo) * v


def draw_triangular(v, lo, mode, hi):
    if hi == lo:
        return lo
    if v < (mode - lo) / (hi - lo):
        return lo + ieee_sqrt(v * (hi - lo) * (mode - lo))
    return hi - ieee_sqrt((1.0 - v) * (hi - lo) * (hi - mode))


def draw_normal(v, mean, sd):
    return mean + sd * ppnd16(v)


def draw_choice(u, values):
    return values[math.floor(u * len(values))]


def is_distribution(raw):
    if not isinstance(raw, dict) or len(raw) != 1:
        return False
    ((key, value),) = raw.items()
    return key in DISTRIBUTIONS and isinstance(value, list)


# ---------------------------------------------------------------------------------
# Numbers and amounts
# ---------------------------------------------------------------------------------


def clip(x, lo, hi):
    return lo if x < lo else hi if x > hi else x


def to_millionths(x):
    """The f64 product with 10⁶, rounded to the nearest, ties away from zero."""
    product = x * 1e6
    whole = math.trunc(product)
    if abs(product - whole) >= 0.5:
        whole += 1 if product > 0 else -1
    return whole


def from_millionths(n):
    """The f64 nearest to the amount (division of Python's integers rounds correctly)."""
    return n / MILLION


def show(x):
    """The shortest form that reads back to the same bits; whole numbers without `.0`."""
    if x is None or isinstance(x, str):
        return x or ""
    if isinstance(x, float) and x.is_integer() and abs(x) < 1e16 and bits_of(x) != 1 << 63:
        return str(int(x))
    return repr(x)


# ---------------------------------------------------------------------------------
# Expressions (section 4): parsing
# ---------------------------------------------------------------------------------

TOKEN = re.compile(
    r"\s*(?:(?P<num>(?:\d+(?:\.\d+)?|\.\d+)(?:[eE][+-]?\d+)?)"
    r"|(?P<id>[A-Za-z_][A-Za-z0-9_]*)|(?P<op><=|>=|==|!=|[-+*/()<>,]))"
)
FUNCTIONS = ("min", "max", "clamp", "abs", "sqrt", "exp", "ln", "if")
QUANTITIES = (
    "offered", "bound", "delivered", "assured", "parties", "offers", "bonds", "kept",
    "bound_at", "stance", "trust", "own", "count", "since", "deadlocked", "step", "steps",
)  # fmt: skip


def tokenize(text):
    tokens, at = [], 0
    text = text.rstrip()
    while at < len(text):
        m = TOKEN.match(text, at)
        if not m:
            raise ValueError(f"bad expression: {text!r}")
        at = m.end()
        tokens.append((m.lastgroup, m.group(m.lastgroup)))
    return tokens


class Parser:
    """From loose to tight: or, and, not, comparison, + -, * /, unary -.

    Nodes are tuples: ("num", x) ("bool", b) ("neg", a) ("not", a) ("and", a, b)
    ("or", a, b) ("cmp", op, a, b) ("arith", op, a, b) ("call", f, args…)
    ("q", name, args…) for a quantity and ("name", n) for a parameter or definition.
    """

    def __init__(self, text):
        self.text, self.tokens, self.at = text, tokenize(text), 0

    def peek(self):
        return self.tokens[self.at] if self.at < len(self.tokens) else (None, None)

    def take(self, value=None):
        token = self.peek()
        if token[0] is None or (value is not None and token[1] != value):
            raise ValueError(f"bad expression: {self.text!r} at token {self.at}")
        self.at += 1
        return token

    def parse(self):
        node = self.p_or()
        if self.at != len(self.tokens):
            raise ValueError(f"bad expression: {self.text!r} at token {self.at}")
        return node

    def p_or(self):
        node = self.p_and()
        while self.peek() == ("id", "or"):
            self.take()
            node = ("or", node, self.p_and())
        return node

    def p_and(self):
        node = self.p_not()
        while self.peek() == ("id", "and"):
            self.take()
            node = ("and", node, self.p_not())
        return node

    def p_not(self):
        if self.peek() == ("id", "not"):
            self.take()
            return ("not", self.p_not())
        return self.p_comparison()

    def p_comparison(self):
        node = self.p_sum()
        if self.peek()[1] in ("<", "<=", ">", ">=", "==", "!="):
            op = self.take()[1]
            node = ("cmp", op, node, self.p_sum())
        return node

    def p_sum(self):
        node = self.p_product()
        while self.peek()[1] in ("+", "-"):
            op = self.take()[1]
            node = ("arith", op, node, self.p_product())
        return node

    def p_product(self):
        node = self.p_unary()
        while self.peek()[1] in ("*", "/"):
            op = self.take()[1]
            node = ("arith", op, node, self.p_unary())
        return node

    def p_unary(self):
        if self.peek()[1] == "-":
            self.take()
            return ("neg", self.p_unary())
        return self.p_atom()

    def p_atom(self):
        kind, value = self.take()
        if kind == "num":
            return ("num", float(value))
        if value == "(":
            node = self.p_or()
            self.take(")")
            return node
        if kind != "id":
            raise ValueError(f"bad expression: {self.text!r} at token {self.at}")
        if value in ("true", "false"):
            return ("bool", value == "true")
        if self.peek()[1] != "(":
            return ("q", value) if value in QUANTITIES else ("name", value)
        self.take("(")
        args = []
        while True:
            args.append(self.p_or() if value in FUNCTIONS else self.take()[1])
            if self.peek()[1] != ",":
                break
            self.take(",")
        self.take(")")
        return ("call" if value in FUNCTIONS else "q", value, *args)


def parse(text):
    return Parser(text).parse()


# ---------------------------------------------------------------------------------
# Expressions: evaluation
# ---------------------------------------------------------------------------------


def number(x):
    """Any part that is looked at and is not a number fails the run."""
    if math.isnan(x):
        raise RunFailure("is not a number")
    return x


def evaluate(node, context):
    kind = node[0]
    if kind == "num" or kind == "bool":
        return node[1]
    if kind == "name":
        return context.name(node[1])
    if kind == "q":
        return number(context.quantity(*node[1:]))
    if kind == "neg":
        return number(-evaluate(node[1], context))
    if kind == "not":
        return not evaluate(node[1], context)
    if kind == "and":
        return evaluate(node[1], context) and evaluate(node[2], context)
    if kind == "or":
        return evaluate(node[1], context) or evaluate(node[2], context)
    if kind == "cmp":
        a, b = evaluate(node[2], context), evaluate(node[3], context)
        return {
            "<": a < b, "<=": a <= b, ">": a > b, ">=": a >= b, "==": a == b, "!=": a != b
        }[node[1]]  # fmt: skip
    if kind == "arith":
        a, b = evaluate(node[2], context), evaluate(node[3], context)
        if node[1] == "+":
            return number(a + b)
        if node[1] == "-":
            return number(a - b)
        if node[1] == "*":
            return number(a * b)
        return number(ieee_div(a, b))
    assert kind == "call"
    f, args = node[1], node[2:]
    if f == "if":
        return evaluate(args[1] if evaluate(args[0], context) else args[2], context)
    values = [evaluate(a, context) for a in args]
    if f == "min":
        return min(values)
    if f == "max":
        return max(values)
    if f == "clamp":
        return min(max(values[0], values[1]), values[2])
    if f == "abs":
        return abs(values[0])
    if f == "sqrt":
        return number(ieee_sqrt(values[0]))
    if f == "exp":
        return number(libm_exp(values[0]))
    return number(libm_log(values[0]))


def quantities_of(node, definitions):
    """Every quantity that occurs in an expression, definitions included, as ("q", …)."""
    found = []

    def walk(n):
        if n[0] == "q":
            if n not in found:
                found.append(n)
        elif n[0] == "name":
            if n[1] in definitions:
                walk(definitions[n[1]])
        else:
            for part in n[1:]:
                if isinstance(part, tuple):
                    walk(part)

    walk(node)
    return found


class StaticContext:
    """What a numeric field may read: parameters, definitions, index, size, own(name)."""

    def __init__(self, parameters, definitions, names=None, attributes=None):
        self.parameters, self.definitions = parameters, definitions
        self.names, self.attributes = names or {}, attributes or {}

    def name(self, n):
        if n in self.names:
            return self.names[n]
        if n in self.parameters:
            return self.parameters[n]
        return evaluate(self.definitions[n], self)

    def quantity(self, q, *args):
        assert q == "own", q
        return self.attributes[args[0]]


# ---------------------------------------------------------------------------------
# The scenario
# ---------------------------------------------------------------------------------


class Actor:
    def __init__(self, id):
        self.id = id
        self.stance = {}  # by issue: where it starts
        self.anchor = {}
        self.susceptibility = 1.0
        self.volatility = 0.0
        self.attributes = {}
        self.credit_offer = 0.0
        self.credit_bond = 1.0


class Commitment:
    """What all instances of a commitment share."""

    def __init__(self, name):
        self.name = name
        self.creditor = None
        self.creditors = []  # ids of actors
        self.maintain = False
        self.initial = "null"
        self.issue = None
        self.conditions = {}  # "offer", "when", "while", "until", "release" -> node


class Instance:
    """One debtor's own instance of a commitment: its fixed part and its state."""

    def __init__(self, name, commitment, debtor):
        self.name, self.commitment, self.debtor = name, commitment, debtor
        self.amounts = {}  # resource -> millionths, in the order of `gives`
        self.lead, self.over = 0, 1
        self.grace, self.due, self.expires = None, None, None
        self.cost = 1.0
        # the state
        self.state = "null"
        self.delivered = {}  # resource -> millionths handed over, or in force
        self.created_step = None
        self.detached_step = None
        self.first_detached_step = None
        self.settled_step = None
        self.pending_since = None
        self.clock = 0  # Delivery phases spent detached (since the last reactivation if maintained)
        self.conduct_counts = True  # whether `delivered` still adds to trust
        self.last_event = None

    def offered(self, r):
        counted = self.state in ("conditional", "detached", "satisfied")
        return self.amounts.get(r, 0) if counted and not self.over_and_done() else 0

    def bound(self, r):
        counted = self.state in ("detached", "satisfied")
        return self.amounts.get(r, 0) if counted and not self.over_and_done() else 0

    def deed(self, r):
        return 0 if self.over_and_done() else self.delivered.get(r, 0)

    def over_and_done(self):
        """Once satisfied, a maintained commitment counts as no evidence at any level."""
        return self.commitment.maintain and self.state == "satisfied"


class Meeting:
    def __init__(self, name):
        self.name = name
        self.attend = []
        self.begins = set()  # steps at which a session begins
        self.in_session = set()  # steps on which it is in session
        self.influence = 0.0
        self.package = False
        self.success = 1.0


class Shock:
    def __init__(self, name):
        self.name = name
        self.on, self.rate, self.when = None, None, None
        self.once = True
        self.stance = []  # (actor ids, {issue: change})
        self.anchor = []
        self.trust = []  # ([(truster, trusted)], change)
        # the state
        self.held_before = False
        self.struck = False


def whole(x):
    assert float(x).is_integer(), f"{x} is no whole number"
    return int(x)


UNITS = {"minute": 60, "hour": 3600, "day": 86400, "week": 604800}


class Scenario:
    def __init__(self, document, seed, replicate, overrides):
        self.random = Random(seed, replicate)
        self.drawn = {}  # path -> value
        self.overridden = list(overrides)
        for name, value in overrides.items():
            apply_override(document, name, value)
        self.document = document
        self.read_time(document.get("time", {}))
        self.read_parameters(document)
        self.issues = list(document.get("issues", ["main"]))
        self.resources = list(document.get("resources", {}))
        self.read_actors(document)
        self.read_groups(document)
        self.read_influence(document)
        self.read_trust(document)
        self.read_commitments(document.get("commitments", {}))
        self.read_meetings(document.get("meetings", {}))
        self.read_shocks(document.get("shocks", {}))
        self.outcomes = [
            (name, parse(o["when"]), o.get("stop", False))
            for name, o in document.get("outcomes", {}).items()
        ]
        self.metrics = [(n, parse(text)) for n, text in document.get("metrics", {}).items()]

    # -- numeric fields ------------------------------------------------------------

    def numeric(self, raw, path, context, lo=-INF, hi=INF, suffix=""):
        """A number, an expression or a distribution. `lo` and `hi` are the field's domain."""
        if isinstance(raw, str):
            return evaluate(parse(raw), context)
        if not isinstance(raw, dict):
            return float(raw)
        ((kind, values),) = raw.items()
        values = [float(x) for x in values]
        path += suffix
        word = self.random.word("draw/" + path, 0)
        if kind == "uniform":
            value = draw_uniform(to_v(word), *values)
        elif kind == "triangular":
            value = draw_triangular(to_v(word), *values)
        elif kind == "normal":
            value = clip(draw_normal(to_v(word), *values), lo, hi)
        else:
            value = draw_choice(to_u(word), values)
        self.drawn[path] = value
        return value

    def by_issue(self, raw, path, context, default, lo, hi, suffix=""):
        """One value for all issues, or a table by issue."""
        if isinstance(raw, dict) and not is_distribution(raw):
            return {
                issue: self.numeric(raw[issue], f"{path}.{issue}", context, lo, hi, suffix)
                if issue in raw
                else default[issue]
                for issue in self.issues
            }
        if raw is None:
            return dict(default)
        value = self.numeric(raw, path, context, lo, hi, suffix)
        return {issue: value for issue in self.issues}

    # -- time ----------------------------------------------------------------------

    def read_time(self, time):
        count, unit = str(time.get("step", "1 day")).split()
        self.step_seconds = int(count) * UNITS[unit.rstrip("s")]
        start = time.get("start")
        self.start = None if start is None else moment(start)
        self.plain_dates = (
            start is not None
            and not isinstance(start, datetime.datetime)
            and self.step_seconds % 86400 == 0
        )
        if "steps" in time:
            self.steps = int(time["steps"])
        else:  # the end is not included; a part step counts
            seconds = seconds_between(self.start, moment(time["end"]))
            self.steps = -(-seconds // self.step_seconds)

    def step_of(self, when):
        """A step number, or the step that contains a date (negative: before the run)."""
        if isinstance(when, datetime.date):
            return seconds_between(self.start, moment(when)) // self.step_seconds
        return whole(when)

    def date_of(self, step):
        if self.start is None:
            return ""
        at = self.start + datetime.timedelta(seconds=step * self.step_seconds)
        return at.strftime("%Y-%m-%d") if self.plain_dates else at.strftime("%Y-%m-%dT%H:%M:%S")

    # -- parameters ----------------------------------------------------------------

    def read_parameters(self, document):
        self.definitions = {n: parse(t) for n, t in document.get("definitions", {}).items()}
        self.parameters = {}
        for name, raw in document.get("parameters", {}).items():
            if isinstance(raw, dict) and "value" in raw:
                raw = raw["value"]  # the long form; the path of a draw is the same
            context = StaticContext({}, {})
            self.parameters[name] = self.numeric(raw, f"parameters.{name}", context)

    def static(self, names=None, attributes=None):
        return StaticContext(self.parameters, self.definitions, names, attributes)

    # -- actors and groups -----------------------------------------------------------

    def read_actors(self, document):
        self.actors = []
        cohorts = {}
        self.credit = {
            level: self.numeric(
                document.get("credit", {}).get(level, default), f"credit.{level}", self.static(), 0.0, 1.0
            )
            for level, default in (("offer", 0.0), ("bond", 1.0))
        }
        for id, table in document.get("actors", {}).items():
            self.actors.append(self.read_actor(id, table, f"actors.{id}", self.static(), ""))
        for cohort, table in document.get("cohorts", {}).items():
            size = whole(self.numeric(table["size"], f"cohorts.{cohort}.size", self.static()))
            cohorts[cohort] = []
            for index in range(1, size + 1):
                id = f"{cohort}_{index}"
                context = self.static({"index": float(index), "size": float(size)})
                path = f"cohorts.{cohort}"
                self.actors.append(self.read_actor(id, table, path, context, f"/{id}"))
                cohorts[cohort].append(id)
        self.cohorts = cohorts
        self.actor = {a.id: a for a in self.actors}
        self.position = {a.id: i for i, a in enumerate(self.actors)}

    def read_actor(self, id, table, path, context, suffix):
        a = Actor(id)
        half = {issue: 0.5 for issue in self.issues}
        a.stance = self.by_issue(
            table.get("stance"), f"{path}.stance", context, half, 0.0, 1.0, suffix
        )
        a.anchor = self.by_issue(
            table.get("anchor"), f"{path}.anchor", context, a.stance, 0.0, 1.0, suffix
        )
        a.susceptibility = self.numeric(
            table.get("susceptibility", 1.0), f"{path}.susceptibility", context, 0.0, 1.0, suffix
        )
        a.volatility = self.numeric(
            table.get("volatility", 0.0), f"{path}.volatility", context, 0.0, INF, suffix
        )
        for name, raw in table.get("attributes", {}).items():
            a.attributes[name] = self.numeric(
                raw, f"{path}.attributes.{name}", context, -INF, INF, suffix
            )
        for level in ("offer", "bond"):
            value = self.credit[level]
            if level in table.get("credit", {}):
                value = self.numeric(
                    table["credit"][level], f"{path}.credit.{level}", context, 0.0, 1.0, suffix
                )
            setattr(a, "credit_" + level, value)
        return a

    def read_groups(self, document):
        self.groups = dict(self.cohorts)
        raw = document.get("groups", {})

        def resolve(name):
            if name in self.actor:
                return {name}
            if name in self.cohorts:
                return set(self.cohorts[name])
            return set().union(*(resolve(member) for member in raw[name]))

        for name in raw:
            self.groups[name] = sorted(resolve(name), key=self.position.get)

    def members(self, id):
        """The actors of an actor or group, in the actors' order."""
        return [id] if id in self.actor else self.groups[id]

    def pairs(self, first, second):
        """Every ordered pair; if a group is on either side, of different actors only."""
        if first in self.actor and second in self.actor:
            return [(first, second)]
        return [(a, b) for a in self.members(first) for b in self.members(second) if a != b]

    # -- influence and trust ---------------------------------------------------------

    def read_influence(self, document):
        self.pace = self.numeric(document.get("pace", 1.0), "pace", self.static(), 0.0, 1.0)
        self.weights = {a.id: {} for a in self.actors}  # row: the one who is influenced
        for i, entry in enumerate(document.get("influence", [])):
            raw = entry.get("weight", 1.0)
            weight = self.numeric(raw, f"influence.{i}.weight", self.static(), 0.0, INF)
            for source, target in self.pairs(entry["from"], entry["on"]):
                row = self.weights[target]
                row[source] = row.get(source, 0.0) + weight
        for id, row in self.weights.items():
            total = 0.0
            for a in self.actors:
                total += row.get(a.id, 0.0)
            if total == 0.0:
                self.weights[id] = {id: 1.0}

    def read_trust(self, document):
        table = document.get("trust", {})

        def field(name, default, hi=INF):
            return self.numeric(table.get(name, default), f"trust.{name}", self.static(), 0.0, hi)

        default, strength = field("default", 1.0, 1.0), field("strength", 4.0)
        self.kept, self.broken = field("kept", 1.0), field("broken", 1.0)
        self.suspended, self.witness = field("suspended", 0.5), field("witness", 0.0)
        prior = {(a.id, b.id): default for a in self.actors for b in self.actors if a is not b}
        for i, entry in enumerate(table.get("pairs", [])):
            raw, path = entry["value"], f"trust.pairs.{i}.value"
            value = self.numeric(raw, path, self.static(), 0.0, 1.0)
            for pair in self.pairs(entry["of"], entry["in"]):
                prior[pair] = value
        self.alpha = {pair: mean * strength for pair, mean in prior.items()}
        self.beta = {pair: (1.0 - mean) * strength for pair, mean in prior.items()}

    # -- commitments -----------------------------------------------------------------

    def read_commitments(self, tables):
        self.instances = []
        self.commitments = {}  # name -> instances
        for name, table in tables.items():
            c = Commitment(name)
            c.creditor = table.get("creditor")
            c.creditors = [] if c.creditor is None else self.members(c.creditor)
            c.maintain = table.get("maintain", False)
            c.initial = table.get("initial", "null")
            c.issue = table.get("issue", self.issues[0])
            defaults = {
                "offer": "true", "when": "true", "while": "true", "until": "false", "release": "false"
            }  # fmt: skip
            for key, default in defaults.items():
                c.conditions[key] = parse(table.get(key, default))
            debtor = table["debtor"]
            self.commitments[name] = []
            for id in self.members(debtor):
                is_group = debtor not in self.actor
                instance = Instance(f"{name}/{id}" if is_group else name, c, id)
                self.read_instance(instance, table, f"/{id}" if is_group else "")
                self.instances.append(instance)
                self.commitments[name].append(instance)

    def read_instance(self, instance, table, suffix):
        path = f"commitments.{instance.commitment.name}"
        context = self.static(attributes=self.actor[instance.debtor].attributes)

        def field(key, lo):
            return self.numeric(table[key], f"{path}.{key}", context, lo, INF, suffix)

        for resource, raw in table.get("gives", {}).items():
            amount = self.numeric(raw, f"{path}.gives.{resource}", context, 0.0, INF, suffix)
            instance.amounts[resource] = to_millionths(amount)
            instance.delivered[resource] = 0
        for key, lo in (("lead", 0.0), ("over", 1.0), ("grace", 0.0), ("due", 0.0)):
            if key in table:
                setattr(instance, key, whole(field(key, lo)))
        if "cost" in table:
            instance.cost = field("cost", 0.0)
        if "expires" in table:
            raw = table["expires"]
            if not isinstance(raw, datetime.date):
                raw = field("expires", 0.0)
            instance.expires = self.step_of(raw)

    # -- meetings and shocks -----------------------------------------------------------

    def read_meetings(self, tables):
        self.meetings = []
        for name, table in tables.items():
            m = Meeting(name)
            attending = set()
            for id in table["attend"]:
                attending.update(self.members(id))
            m.attend = sorted(attending, key=self.position.get)
            path = f"meetings.{name}"
            m.influence = self.numeric(
                table.get("influence", 0.0), f"{path}.influence", self.static(), 0.0, INF
            )
            m.success = self.numeric(
                table.get("success", 1.0), f"{path}.success", self.static(), 0.0, 1.0
            )
            m.package = table.get("package", False)
            if "on" in table:
                for when in as_list(table["on"]):
                    m.begins.add(self.step_of(when))
                    m.in_session.add(self.step_of(when))
            else:
                first, last = self.step_of(table["from"]), self.step_of(table["to"])
                if last >= 0:
                    m.begins.add(max(first, 0))
                m.in_session.update(range(max(first, 0), last + 1))
            self.meetings.append(m)

    def read_shocks(self, tables):
        self.shocks = []
        for name, table in tables.items():
            s = Shock(name)
            path = f"shocks.{name}"
            if "on" in table:
                s.on = {self.step_of(when) for when in as_list(table["on"])}
            if "rate" in table:
                raw = table["rate"]
                if isinstance(raw, str):
                    s.rate = parse(raw)
                else:
                    s.rate = ("num", self.numeric(raw, f"{path}.rate", self.static(), 0.0, INF))
            if "when" in table:
                s.when = parse(table["when"])
            s.once = table.get("once", True)
            zero = {issue: 0.0 for issue in self.issues}
            for field in ("stance", "anchor"):
                for id, raw in table.get(field, {}).items():
                    change = self.by_issue(raw, f"{path}.{field}.{id}", self.static(), zero, -INF, INF)
                    getattr(s, field).append((self.members(id), change))
            for i, entry in enumerate(table.get("trust", [])):
                by = self.numeric(entry["by"], f"{path}.trust.{i}.by", self.static())
                s.trust.append((self.pairs(entry["of"], entry["in"]), by))
            self.shocks.append(s)


def as_list(raw):
    return raw if isinstance(raw, list) else [raw]


def moment(when):
    """Dates and date-times as naive date-times; a plain date is its midnight."""
    if isinstance(when, datetime.datetime):
        return when.replace(tzinfo=None)
    return datetime.datetime(when.year, when.month, when.day)


def seconds_between(start, end):
    delta = end - start
    return delta.days * 86400 + delta.seconds


def apply_override(document, name, value):
    """NAME is a parameter or the dotted path of any number in the file."""
    parameters = document.get("parameters", {})
    if name in parameters:
        if isinstance(parameters[name], dict) and "value" in parameters[name]:
            parameters[name]["value"] = value
        else:
            parameters[name] = value
        return
    keys = name.split(".")
    place = document
    for key in keys[:-1]:
        place = place[int(key)] if isinstance(place, list) else place.setdefault(key, {})
    if isinstance(place, list):
        place[int(keys[-1])] = value
    else:
        place[keys[-1]] = value


# ---------------------------------------------------------------------------------
# A run
# ---------------------------------------------------------------------------------

FINAL = {"satisfied": "satisfied", "violated": "violated", "expired": "expired", "released": "terminated"}
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
        if q in ("offers", "bonds", "kept"):
            states = {
                "offers": ("conditional", "detached", "satisfied"),
                "bonds": ("detached", "satisfied"),
                "kept": ("satisfied",),
            }[q]
            return float(
                sum(
                    1
                    for c in scenario.commitments[args[0]]
                    if c is not asking and c.state in states and not c.over_and_done()
                )
            )
        if q == "bound_at":
            steps = [c.first_detached_step for c in scenario.commitments[args[0]]]
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
                o, b, d = o + c_o, b + c_b, d + c_d
            bonds = (i.credit_bond - i.credit_offer) * from_millionths(b - d)
            offers = i.credit_offer * from_millionths(o - d)
            total += from_millionths(d) + self.run.trust(observer, j) * (bonds + offers)
        return total


class Run:
    def __init__(self, scenario, halt_at=None):
        """`halt_at`: stop for good after that step's last Exchange, before its Delivery."""
        self.scenario = scenario
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
        # shocks and meetings share one namespace: name -> (times, last step)
        self.occurred = {x.name: (0, None) for x in scenario.meetings + scenario.shocks}
        self.met_event = {}  # meeting -> seq of its latest session's `met`
        self.contexts = {c.name: Context(self, c) for c in scenario.instances}
        self.nobody = Context(self)
        self.watch_conditions()

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
    # Every quantity of every condition is evaluated, for its observer, before and after
    # each event: so the event that last changed its value is known.

    def watch_conditions(self):
        self.changed = {}  # (quantity, instance's name or None) -> seq of the last change
        self.watched = {}  # the same key -> context
        scenario = self.scenario
        for c in scenario.instances:
            for node in c.commitment.conditions.values():
                self.watch(node, self.contexts[c.name])
        for s in scenario.shocks:
            if s.when:
                self.watch(s.when, self.nobody)
        for _, node, _ in scenario.outcomes:
            self.watch(node, self.nobody)

    def watch_key(self, quantity, context):
        return quantity, context.instance.name if context.instance else None

    def watch(self, node, context):
        for quantity in quantities_of(node, self.scenario.definitions):
            if quantity[1] not in ("step", "steps", "deadlocked", "own"):
                self.watched[self.watch_key(quantity, context)] = context

    def watched_values(self):
        return {
            key: context.quantity(*key[0][1:]) for key, context in self.watched.items()
        }

    def cause(self, node, context):
        """The latest event so far that changed a quantity of the condition, or the
        commitment's own last event if that is later. Ask before the phase emits."""
        candidates = [
            self.changed.get(self.watch_key(quantity, context))
            for quantity in quantities_of(node, self.scenario.definitions)
        ]
        if context.instance:
            candidates.append(context.instance.last_event)
        return max((seq for seq in candidates if seq is not None), default=None)

    def condition_cause(self, instance, key):
        return self.cause(instance.commitment.conditions[key], self.contexts[instance.name])

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
        self.events.append(row)
        return seq

    def apply(self, row, c):
        event, step = row["event"], self.step
        if event == "met" or event == "shock":
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
            c.first_detached_step = step
            c.clock = 0
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
            if c.conduct_counts:
                self.conduct(self.alpha, c, self.scenario.kept / (c.over * len(c.amounts)))
        elif event == "withdrawn":
            c.delivered[row["resource"]] = 0
        elif event in FINAL:
            c.state = FINAL[event]
            c.settled_step = step
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
            for self.step in range(scenario.steps):
                if self.one_step():
                    break
            if self.halt_at is None:
                self.end()
        except RunFailure as failure:
            self.status = f"failed: {failure}"
        return self

    def one_step(self):
        """True if the run ends with this step."""
        self.calendar()
        self.stances()
        self.review()
        self.exchange()
        self.meetings()
        if self.halt_at == self.step:
            return True
        self.delivery()
        stop = self.outcomes()
        self.sampling()
        self.steps_run = self.step + 1
        return stop

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
            self.maybe_strike(s)

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
            if s.once and s.struck:
                return
            holds = self.evaluate(s.when, self.nobody, f"shocks.{s.name}.when")
            strikes = holds and not s.held_before
            s.held_before = holds
            cause = self.cause(s.when, self.nobody)
        if strikes:
            s.struck = True
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
                decided.append((c, event, cause))
        for c, event, cause in decided:
            self.emit(event, instance=c, cause=cause)
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
        if state in ("conditional", "null") and c.expires is not None and t >= c.expires:
            return "expired", None
        if state == "pending" and c.grace is not None and t - c.pending_since > c.grace:
            return "violated", None
        if state in ("detached", "pending") and c.due is not None and t - c.detached_step > c.due:
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
        return None, None

    # Phase 4
    def exchange(self):
        while True:
            decided = [
                (c, self.condition_cause(c, "when"))
                for c in self.scenario.instances
                if c.state == "conditional" and self.holds(c, "when")
            ]
            if not decided:
                break
            for c, cause in decided:
                self.emit("detached", instance=c, cause=cause)
        self.gap = self.greatest_agreement(self.conditional())

    def conditional(self):
        return [c for c in self.scenario.instances if c.state == "conditional"]

    def would_hold(self, candidates, detached):
        """F(S): those candidates whose `when` holds if exactly `detached` were detached
        in addition to what is detached already."""
        for c in detached:
            c.state = "detached"
        try:
            return [c for c in candidates if self.holds(c, "when")]
        finally:
            for c in detached:
                c.state = "conditional"

    def greatest_agreement(self, candidates):
        agreed = list(candidates)
        while True:
            still = self.would_hold(candidates, agreed)
            if still == agreed:
                return agreed
            agreed = still

    # Phase 5
    def meetings(self):
        for m in self.scenario.meetings:
            if self.step not in m.in_session or not m.package:
                continue
            attending = [c for c in self.conditional() if c.debtor in m.attend]
            package = self.greatest_agreement(attending)
            if not package:
                continue
            met, size = self.met_event.get(m.name), float(len(package))
            u = to_u(self.scenario.random.word(f"meeting/{m.name}", self.step))
            if u < m.success:
                agreed = self.emit("agreed", subject=m.name, value=size, cause=met)
                for c in package:
                    self.emit("detached", instance=c, cause=agreed)
                self.exchange()
            else:
                self.emit("failed", subject=m.name, value=size, cause=met)

    # Phase 6
    def delivery(self):
        for c in self.scenario.instances:
            if c.state != "detached":
                continue
            k = c.clock - c.lead + 1  # the increment that is due now
            c.clock += 1
            if k < 1 or k > c.over:
                continue
            for resource, amount in c.amounts.items():
                increment = amount * k // c.over - amount * (k - 1) // c.over
                if increment > 0:
                    self.emit(
                        "delivered", instance=c, resource=resource,
                        value=from_millionths(increment), cause=c.last_event,
                    )  # fmt: skip
            if k == c.over:
                if c.commitment.maintain:
                    c.conduct_counts = False  # built up
                else:
                    self.emit("satisfied", instance=c, cause=c.last_event)

    # Phase 7
    def outcomes(self):
        stop = False
        for name, node, stops in self.scenario.outcomes:
            if name in self.reached:
                continue
            if self.evaluate(node, self.nobody, f"outcomes.{name}.when"):
                seq = self.emit("reached", subject=name, cause=self.cause(node, self.nobody))
                self.reached[name] = seq, self.step
                stop = stop or stops
        return stop

    # Phase 8
    def sampling(self):
        for name, node in self.scenario.metrics:
            value = self.evaluate(node, self.nobody, f"metrics.{name}")
            self.series.append((self.step, name, value))
            self.final_metrics[name] = value


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
    write_csv(
        os.path.join(out, "commitments.csv"),
        ["run", "commitment", "debtor", "creditor", "resource", "amount", "delivered", "state",
         "created_step", "detached_step", "settled_step"],
        [
            [0, c.name, c.debtor, c.commitment.creditor, resource, from_millionths(amount),
             from_millionths(c.delivered[resource]), "not_offered" if c.state == "null" else c.state, c.created_step, c.detached_step,
             c.settled_step]
            for c in scenario.instances
            for resource, amount in c.amounts.items()
        ],
    )  # fmt: skip
    varied = [n for n in scenario.overridden if n in scenario.parameters]
    failed = run.status != "ok"
    write_csv(
        os.path.join(out, "runs.csv"),
        ["run", "point", "replicate", "seed", *varied, "status", "outcome", "reached_step",
         "steps", "gap", *(name for name, _ in scenario.metrics)],
        [[0, 0, replicate, seed, *(scenario.parameters[n] for n in varied), run.status,
          run.outcome, run.reached_step, run.steps_run, "" if failed else len(run.gap),
          *(run.final_metrics.get(name) for name, _ in scenario.metrics)]],
    )  # fmt: skip


def load(path):
    with open(path, "rb") as file:
        text = file.read().decode("utf-8-sig")
    return tomllib.loads(text)


def simulate(document, seed=0, replicate=0, overrides=None, halt_at=None):
    """Runs a parsed document. The document is changed by overrides: pass a fresh one."""
    return Run(Scenario(document, seed, replicate, overrides or {}), halt_at).run()


def parse_overrides(items):
    overrides = {}
    for item in items:
        name, _, value = item.partition("=")
        overrides[name] = float(value)
    return overrides


def main():
    sys.setrecursionlimit(10000)
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    commands = parser.add_subparsers(dest="command", required=True)
    command = commands.add_parser("run")
    command.add_argument("file")
    command.add_argument("--seed", type=int, default=0)
    command.add_argument("--replicate", type=int, default=0)
    command.add_argument("--set", action="append", default=[])
    command.add_argument("--out", required=True)
    args = parser.parse_args()
    run = simulate(load(args.file), args.seed, args.replicate, parse_overrides(args.set))
    write_run(run, args.out, args.seed, args.replicate)
    if run.status != "ok":
        print(run.status, file=sys.stderr)
        sys.exit(1)


if __name__ == "__main__":
    main()
