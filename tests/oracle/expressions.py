"""Expressions (section 4 of the model): parsing and evaluation."""

import math
import re

from arithmetic import INF, RunFailure, ieee_div, ieee_sqrt, libm_exp, libm_log

TOKEN = re.compile(
    r"\s*(?:(?P<date>\d{4}-\d{2}-\d{2}(?:T\d{2}:\d{2}(?::\d{2})?)?(?![A-Za-z0-9_.]))"
    r"|(?P<num>(?:\d+(?:\.\d+)?|\.\d+)(?:[eE][+-]?\d+)?)"
    r"|(?P<id>[A-Za-z_][A-Za-z0-9_]*)|(?P<op><=|>=|==|!=|[-+*/()<>,]))"
)
FUNCTIONS = ("min", "max", "clamp", "abs", "sqrt", "exp", "ln", "if", "curve")
QUANTITIES = (
    "offered", "bound", "delivered", "assured", "parties", "offers", "bonds", "kept",
    "bound_at", "stance", "trust", "own", "count", "since", "deadlocked", "step", "steps",
    "pending", "violated", "expired", "terminated", "rounds", "reached", "members", "data",
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
    Dates and durations are numbers: the calendar says which.
    """

    def __init__(self, text, calendar):
        self.text, self.tokens, self.at = text, tokenize(text), 0
        self.calendar = calendar

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
        if kind == "date":
            return ("num", float(self.calendar.step_of_text(value)))
        if kind == "num":
            x = float(value)
            if self.peek()[0] == "id" and self.peek()[1].removesuffix("s") in self.calendar.UNITS:
                return ("num", self.calendar.duration(x, self.take()[1].removesuffix("s")))
            return ("num", x)
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
            args.append(self.p_or() if value in FUNCTIONS else self.p_argument())
            if self.peek()[1] != ",":
                break
            self.take(",")
        self.take(")")
        return ("call" if value in FUNCTIONS else "q", value, *args)

    def p_argument(self):
        """The name of something, or `c/a`: a commitment's instance of one actor."""
        name = self.take()[1]
        if self.peek()[1] == "/":
            self.take()
            name += "/" + self.take()[1]
        return name


# ---------------------------------------------------------------------------------
# Evaluation
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
    if f == "curve":
        return number(curve(values[0], list(zip(values[1::2], values[2::2]))))
    return number(libm_log(values[0]))


def curve(x, points):
    """Linear between the points, constant outside, cut so that it stays monotone."""
    if x <= points[0][0]:
        return points[0][1]
    for (x1, y1), (x2, y2) in zip(points, points[1:]):
        if x == x2:
            return y2
        if x < x2:
            y = y1 + (y2 - y1) * ((x - x1) / (x2 - x1))
            return min(max(y, min(y1, y2)), max(y1, y2))
    return points[-1][1]


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


def is_leaf(node):
    """Whether a node of a condition's own branches decides by itself: a comparison, `reached`."""
    return node[0] == "cmp" or node[:2] == ("q", "reached")


class StaticContext:
    """What a numeric field may read: parameters, definitions, index, size, own, members."""

    def __init__(self, parameters, definitions, names=None, attributes=None, members=None):
        self.parameters, self.definitions = parameters, definitions
        self.names, self.attributes, self.members = names or {}, attributes or {}, members

    def name(self, n):
        if n in self.names:
            return self.names[n]
        if n in self.parameters:
            return self.parameters[n]
        return evaluate(self.definitions[n], self)

    def quantity(self, q, *args):
        if q == "members":
            return float(len(self.members(args[0])))
        assert q == "own", q
        return self.attributes[args[0]]
