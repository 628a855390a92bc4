"""A scenario: what its file says, with every numeric field worked out."""

from arithmetic import (
    INF, Random, clip, draw_choice, draw_normal, draw_triangular, draw_uniform, is_distribution,
    to_millionths, to_u, to_v,
)  # fmt: skip
from documents import Calendar, apply_override, lower, read_cell, read_table
from expressions import Parser, StaticContext, evaluate


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
        self.resumable = False
        self.initial = "null"
        self.issue = None
        self.conditions = {}  # "offer", "when", "while", "until", "release", "renew" -> node


class Instance:
    """One debtor's own instance of a commitment: its fixed part and its state."""

    STATE = (
        "state", "given", "delivered", "earlier", "handed", "rounds", "created_step",
        "detached_step", "first_detached_step", "settled_step", "pending_since", "clock",
        "conduct_counts", "last_event", "entry",
    )  # fmt: skip

    def __init__(self, name, commitment, debtor):
        self.name, self.commitment, self.debtor = name, commitment, debtor
        self.amounts = {}  # resource -> millionths (`upto` of a graded one), in the order of `gives`
        self.graded = {}  # resource -> (`as`, `by` in millionths)
        self.lead, self.over = 0, 1
        self.grace, self.due, self.expires = None, None, INF
        self.cost = 1.0
        # the state
        self.state = "null"
        self.given = {}  # graded resource -> its amount now, in millionths
        self.delivered = {}  # resource -> millionths handed over (in this round), or in force
        self.earlier = {}  # resource -> millionths handed over in earlier rounds
        self.handed = {}  # resource -> how often something was handed over in this round
        self.rounds = 0  # times it was satisfied
        self.created_step = None
        self.detached_step = None
        self.first_detached_step = None
        self.settled_step = None
        self.pending_since = None
        self.clock = 0  # Delivery phases spent detached (since the last reactivation if maintained)
        self.conduct_counts = True  # whether `delivered` still adds to trust
        self.last_event = None
        self.entry = None  # the event that brought it into its state

    def amount(self, r):
        """What is promised now: of a graded amount, what it has risen to."""
        return self.given[r] if r in self.graded else self.amounts.get(r, 0)

    def offered(self, r):
        if self.over_and_done():
            return 0
        if self.state in ("conditional", "detached"):
            return self.amounts.get(r, 0)
        return self.amount(r) if self.state == "satisfied" else 0

    def bound(self, r):
        counted = self.state in ("detached", "satisfied")
        return self.amount(r) if counted and not self.over_and_done() else 0

    def deed(self, r):
        return 0 if self.over_and_done() else self.delivered.get(r, 0)

    def over_and_done(self):
        """Once satisfied, a maintained commitment counts in no evidence but `kept`."""
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
        self.happened = False


class Move:
    def __init__(self, name):
        self.name = name
        self.on, self.when = None, None
        self.any = False
        self.bind = []  # (instance, {graded resource: the least amount, in millionths})
        # the state
        self.held_before = False
        self.happened = False


def whole(x):
    assert float(x).is_integer(), f"{x} is no whole number"
    return int(x)


class Scenario:
    def __init__(self, document, seed, replicate, overrides, moves=()):
        """`moves`: (commitment or instance, amount or None, step) as for `--move`."""
        self.random = Random(seed, replicate)
        self.drawn = {}  # path -> value
        self.overridden = dict(overrides)
        for name, value in overrides.items():
            apply_override(document, name, value)
        self.document = document
        self.calendar = Calendar(document.get("time", {}))
        self.steps = self.calendar.steps
        self.read_parameters(document)
        self.issues = list(document.get("issues", ["main"]))
        self.resources = list(document.get("resources", {}))
        self.read_actors(document)
        self.read_influence(document)
        self.read_trust(document)
        self.read_commitments(document.get("commitments", {}))
        self.read_meetings(document.get("meetings", {}))
        self.read_shocks(document.get("shocks", {}))
        self.read_moves(document.get("moves", {}), moves)
        self.read_data(document.get("data", {}))
        self.outcomes = [
            (name, self.parse(o["when"]), o.get("stop", False))
            for name, o in document.get("outcomes", {}).items()
        ]
        self.metrics = [(n, self.parse(text)) for n, text in document.get("metrics", {}).items()]

    def parse(self, text):
        return Parser(str(text), self.calendar).parse()

    def date_of(self, step):
        return self.calendar.date_of(step)

    def step_of(self, when):
        return self.calendar.step_of(when)

    # -- numeric fields ------------------------------------------------------------

    def numeric(self, raw, path, context, lo=-INF, hi=INF, suffix=""):
        """A number, a date, an expression, a distribution or (in a cohort with a table) a
        column. `lo` and `hi` are the field's domain."""
        if isinstance(raw, str):
            return evaluate(self.parse(raw), context)
        if not isinstance(raw, dict):
            return self.calendar.number(raw)
        if "column" in raw:
            return self.cell(raw, context)
        ((kind, values),) = raw.items()
        values = [self.numeric(x, path, context) for x in values]
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

    def cell(self, raw, context):
        text = context.row[raw["column"]]
        if text == "":
            return self.calendar.number(raw["missing"])
        return read_cell(text, self.calendar)

    def by_issue(self, raw, path, context, default, lo, hi, suffix=""):
        """One value for all issues, or a table by issue."""
        if isinstance(raw, dict) and not is_distribution(raw) and "column" not in raw:
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

    # -- parameters ----------------------------------------------------------------

    def read_parameters(self, document):
        self.definitions = {n: self.parse(t) for n, t in document.get("definitions", {}).items()}
        self.parameters = {}
        for name, raw in document.get("parameters", {}).items():
            if isinstance(raw, dict) and "value" in raw:
                raw = raw["value"]  # the long form; the path of a draw is the same
            context = StaticContext(dict(self.parameters), self.definitions)  # those before it
            self.parameters[name] = self.numeric(raw, f"parameters.{name}", context)

    def static(self, names=None, attributes=None):
        return StaticContext(
            self.parameters, self.definitions, names, attributes, lambda id: self.members(id)
        )

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
        ids = list(document.get("actors", {}))
        for cohort, table in document.get("cohorts", {}).items():
            rows = read_table(table["table"]) if "table" in table else None
            if rows is None:
                size = whole(self.numeric(table["size"], f"cohorts.{cohort}.size", self.static()))
                rows = [{}] * size
            cohorts[cohort] = []
            for index, row in enumerate(rows, 1):
                id = lower(row[table["id"]]) if "id" in table else f"{cohort}_{index}"
                cohorts[cohort].append((id, row))
                ids.append(id)
        # Who is in which group is known before any field, which may ask for `members`.
        self.position = {id: i for i, id in enumerate(ids)}
        self.cohorts = {c: [id for id, _ in members] for c, members in cohorts.items()}
        self.read_groups(document, cohorts)
        for id, table in document.get("actors", {}).items():
            self.actors.append(self.read_actor(id, table, f"actors.{id}", self.static(), ""))
        for cohort, members in cohorts.items():
            table = document["cohorts"][cohort]
            for index, (id, row) in enumerate(members, 1):
                context = self.static({"index": float(index), "size": float(len(members))})
                context.row = row
                self.actors.append(self.read_actor(id, table, f"cohorts.{cohort}", context, f"/{id}"))
        self.actor = {a.id: a for a in self.actors}

    def read_actor(self, id, table, path, context, suffix):
        a = Actor(id)
        for name, raw in table.get("attributes", {}).items():
            a.attributes[name] = self.numeric(
                raw, f"{path}.attributes.{name}", context, -INF, INF, suffix
            )
        context.attributes = a.attributes
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
        for level in ("offer", "bond"):
            value = self.credit[level]
            if level in table.get("credit", {}):
                value = self.numeric(
                    table["credit"][level], f"{path}.credit.{level}", context, 0.0, 1.0, suffix
                )
            setattr(a, "credit_" + level, value)
        return a

    def read_groups(self, document, cohorts):
        self.groups = dict(self.cohorts)
        raw = {name: list(members) for name, members in document.get("groups", {}).items()}
        for cohort, members in cohorts.items():
            column = document["cohorts"][cohort].get("member_of")
            for id, row in members:
                for group in row[column].split(";") if column else []:
                    if group:
                        raw.setdefault(lower(group), []).append(id)

        def resolve(name):
            if name in self.cohorts:
                return set(self.cohorts[name])
            if name in raw:
                return set().union(*(resolve(member) for member in raw[name]))
            return {name}

        for name in raw:
            self.groups[name] = sorted(resolve(name), key=self.position.get)

    def members(self, id):
        """The actors of an actor or group, in the actors' order."""
        return [id] if id in self.position else self.groups[id]

    def everyone(self, ids):
        """The actors of an actor or group, or of a list of them: as written, a list is a group."""
        if not isinstance(ids, list):
            return self.members(ids)
        found = {actor for id in ids for actor in self.members(id)}
        return sorted(found, key=self.position.get)

    def pairs(self, first, second):
        """Every ordered pair; if a group is on either side, of different actors only."""
        if all(isinstance(side, str) and side in self.position for side in (first, second)):
            return [(first, second)]
        return [(a, b) for a in self.everyone(first) for b in self.everyone(second) if a != b]

    def ties(self, entries, from_table, path):
        """Entries of a list, each with the path of its number; tables are read in at their place."""
        for i, entry in enumerate(entries):
            if "table" not in entry:
                yield entry, f"{path}.{i}"
                continue
            for row in read_table(entry["table"]):
                yield from_table(row), f"{path}.{i}"

    # -- influence and trust ---------------------------------------------------------

    def read_influence(self, document):
        self.pace = self.numeric(document.get("pace", 1.0), "pace", self.static(), 0.0, 1.0)
        self.weights = {a.id: {} for a in self.actors}  # row: the one who is influenced

        def from_table(row):
            weight = read_cell(row["weight"], self.calendar) if "weight" in row else 1.0
            return {"from": lower(row["from"]), "on": lower(row["on"]), "weight": weight}

        for entry, path in self.ties(document.get("influence", []), from_table, "influence"):
            raw = entry.get("weight", 1.0)
            weight = self.numeric(raw, f"{path}.weight", self.static(), 0.0, INF)
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

        def from_table(row):
            value = read_cell(row["value"], self.calendar)
            return {"of": lower(row["of"]), "in": lower(row["in"]), "value": value}

        for entry, path in self.ties(table.get("pairs", []), from_table, "trust.pairs"):
            value = self.numeric(entry["value"], f"{path}.value", self.static(), 0.0, 1.0)
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
            c.resumable = table.get("resumable", False)
            c.initial = table.get("initial", "null")
            c.issue = table.get("issue", self.issues[0])
            defaults = {
                "offer": "true", "when": "true", "while": "true", "until": "false",
                "release": "false", "renew": "false",
            }  # fmt: skip
            for key, default in defaults.items():
                c.conditions[key] = self.parse(table.get(key, default))
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
            place = f"{path}.gives.{resource}"
            if isinstance(raw, dict) and "upto" in raw:
                by = self.numeric(raw.get("by", 0.000001), f"{place}.by", context, 0.000001, INF, suffix)
                instance.graded[resource] = self.parse(raw["as"]), to_millionths(by)
                instance.given[resource] = 0
                raw, place = raw["upto"], f"{place}.upto"
            amount = self.numeric(raw, place, context, 0.0, INF, suffix)
            instance.amounts[resource] = to_millionths(amount)
            for table_of in (instance.delivered, instance.earlier, instance.handed):
                table_of[resource] = 0
        for key, lo in (("lead", 0.0), ("over", 1.0), ("grace", 0.0), ("due", 0.0)):
            if key in table:
                setattr(instance, key, whole(field(key, lo)))
        if "cost" in table:
            instance.cost = field("cost", 0.0)
        if "expires" in table:
            instance.expires = self.numeric(table["expires"], f"{path}.expires", context, suffix=suffix)

    def instances_of(self, name):
        """All instances of a commitment, or with `c/a` that of one actor."""
        if "/" not in name:
            return self.commitments[name]
        commitment, actor = name.split("/")
        return [c for c in self.commitments[commitment] if c.debtor == actor]

    # -- meetings and shocks -----------------------------------------------------------

    def read_meetings(self, tables):
        self.meetings = []
        for name, table in tables.items():
            m = Meeting(name)
            attending = set()
            for id in as_list(table["attend"]):
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
                    s.rate = self.parse(raw)
                else:
                    s.rate = ("num", self.numeric(raw, f"{path}.rate", self.static(), 0.0, INF))
            if "when" in table:
                s.when = self.parse(table["when"])
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

    # -- moves and data ----------------------------------------------------------------

    def read_moves(self, tables, from_outside):
        self.moves = []
        for name, table in tables.items():
            m = Move(name)
            if "on" in table:
                m.on = {self.step_of(when) for when in as_list(table["on"])}
            if "when" in table:
                m.when = self.parse(table["when"])
            m.any = table.get("any", False)
            for i, entry in enumerate(table["bind"]):
                if isinstance(entry, str):
                    entry = {"commitment": entry}
                self.read_bind(m, entry["commitment"], entry.get("amount"), f"moves.{name}.bind.{i}.amount")
            self.moves.append(m)
        taken = {x.name for x in self.meetings + self.shocks + self.moves}
        number = 0
        for commitment, amount, step in from_outside:
            number += 1
            while f"move_{number}" in taken:
                number += 1
            m = Move(f"move_{number}")
            m.on, m.any = {step}, True
            self.read_bind(m, commitment, amount, "")
            self.moves.append(m)

    def read_bind(self, move, commitment, amount, path):
        for instance in self.instances_of(commitment):
            context = self.static(attributes=self.actor[instance.debtor].attributes)
            amounts = {r: instance.amounts[r] for r in instance.graded}
            suffix = "" if instance.name == instance.commitment.name else f"/{instance.debtor}"
            if isinstance(amount, dict) and not is_distribution(amount):
                for r, raw in amount.items():
                    amounts[r] = to_millionths(self.numeric(raw, f"{path}.{r}", context, 0.0, INF, suffix))
            elif amount is not None:
                (r,) = amounts
                amounts[r] = to_millionths(self.numeric(amount, path, context, 0.0, INF, suffix))
            move.bind.append((instance, amounts))

    def read_data(self, tables):
        self.data = {}  # name -> (between, [(minutes from `start`, value)])
        for name, table in tables.items():
            rows = [
                (self.calendar.minutes_of_cell(row[table["date"]]), read_cell(row[table["value"]], self.calendar))
                for row in read_table(table["table"])
            ]
            self.data[name] = table.get("between", "hold"), rows

    def datum(self, name, step):
        """The value of `data(name)` at the beginning of a step."""
        between, rows = self.data[name]
        x = self.calendar.minutes(step)
        if x < rows[0][0]:
            return rows[0][1]
        if x >= rows[-1][0]:
            return rows[-1][1]
        for (x0, v0), (x1, v1) in zip(rows, rows[1:]):
            if x0 <= x < x1:
                return v0 + (v1 - v0) * ((x - x0) / (x1 - x0)) if between == "linear" else v0


def as_list(raw):
    return raw if isinstance(raw, list) else [raw]
