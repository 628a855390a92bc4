"""What stands in files: time, tables in CSV, variants, overrides (sections 1 and 2 of the additions)."""

import copy
import csv
import datetime
import io
import os
import re
import tomllib

from arithmetic import INF, is_distribution


# ---------------------------------------------------------------------------------
# Time
# ---------------------------------------------------------------------------------


def days_in_month(year, month):
    if month == 2:
        return 29 if year % 4 == 0 and (year % 100 != 0 or year % 400 == 0) else 28
    return 30 if month in (4, 6, 9, 11) else 31


def moment(when):
    """Dates and date-times as naive date-times; a plain date is its midnight."""
    if isinstance(when, datetime.datetime):
        return when.replace(tzinfo=None)
    return datetime.datetime(when.year, when.month, when.day)


def seconds_between(start, end):
    delta = end - start
    return delta.days * 86400 + delta.seconds


class Calendar:
    """Steps of a fixed length in minutes, or of whole months."""

    UNITS = {
        "minute": ("minutes", 1), "hour": ("minutes", 60), "day": ("minutes", 1440),
        "week": ("minutes", 10080), "month": ("months", 1), "year": ("months", 12),
    }  # fmt: skip

    def __init__(self, time):
        count, unit = str(time.get("step", "1 day")).split()
        self.kind, factor = self.UNITS[unit.removesuffix("s")]
        self.length = int(count) * factor
        start = time.get("start")
        self.start = None if start is None else moment(start)
        self.plain_dates = (
            start is not None
            and not isinstance(start, datetime.datetime)
            and (self.kind == "months" or self.length % 1440 == 0)
        )
        if "steps" in time:
            self.steps = int(time["steps"])
        else:  # the end is not included; a part step counts
            end = moment(time["end"])
            self.steps = self.step_of(end)
            if self.begins(self.steps) < end:
                self.steps += 1

    def begins(self, step):
        """The moment at which a step begins."""
        if self.kind == "minutes":
            return self.start + datetime.timedelta(minutes=step * self.length)
        months = self.start.year * 12 + self.start.month - 1 + step * self.length
        year, month = months // 12, months % 12 + 1
        return self.start.replace(
            year=year, month=month, day=min(self.start.day, days_in_month(year, month))
        )

    def step_of(self, when):
        """A step number, or the step that contains a date (negative: before the run)."""
        if not isinstance(when, datetime.date):
            assert float(when).is_integer(), f"{when} is no whole number"
            return int(when)
        when = moment(when)
        if self.kind == "minutes":
            return seconds_between(self.start, when) // (60 * self.length)
        # The last step that begins at or before the moment; the months alone are off by
        # one at most.
        months = (when.year - self.start.year) * 12 + when.month - self.start.month
        step = months // self.length
        return step if self.begins(step) <= when else step - 1

    def step_of_text(self, text):
        return self.step_of(datetime.datetime.fromisoformat(text))

    def duration(self, n, unit):
        kind, factor = self.UNITS[unit]
        assert kind == self.kind, f"{unit} has no fixed length in these steps"
        return n * factor / self.length

    def number(self, raw):
        """A number as it is; a date is its step."""
        return float(self.step_of(raw) if isinstance(raw, datetime.date) else raw)

    def minutes(self, step):
        """From `start` to the beginning of a step; without `start` the step's number."""
        if self.start is None:
            return float(step)
        return seconds_between(self.start, self.begins(step)) / 60

    def minutes_of_cell(self, text):
        """The same for a cell of a table."""
        if self.start is None:
            return float(text)
        return seconds_between(self.start, read_date(text)) / 60

    def date_of(self, step):
        if self.start is None:
            return ""
        at = self.begins(step)
        return at.strftime("%Y-%m-%d") if self.plain_dates else at.strftime("%Y-%m-%dT%H:%M:%S")


# ---------------------------------------------------------------------------------
# Tables
# ---------------------------------------------------------------------------------

NUMBER = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?")
DATE = re.compile(r"\d{4}-\d{2}-\d{2}([T ]\d{2}:\d{2}(:\d{2}(\.\d+)?)?)?")


def read_table(path):
    """A CSV file by RFC 4180 as a list of rows by column."""
    with open(path, "rb") as file:
        text = file.read().decode("utf-8-sig")
    header, *rows = csv.reader(io.StringIO(text, newline=""), strict=True)
    assert len(set(header)) == len(header), f"{path}: a column stands twice"
    assert all(len(row) == len(header) for row in rows), f"{path}: a row has another length"
    return [dict(zip(header, row)) for row in rows]


def read_date(text):
    assert DATE.fullmatch(text), f"{text!r} is no date"
    return moment(datetime.datetime.fromisoformat(text))


def read_cell(text, calendar):
    """A number, a date (its step), or a truth (1 or 0)."""
    if NUMBER.fullmatch(text):
        return float(text)
    if text.lower() in ("true", "false"):
        return 1.0 if text.lower() == "true" else 0.0
    return float(calendar.step_of(read_date(text)))


def lower(text):
    """ASCII alone."""
    return "".join(c.lower() if "A" <= c <= "Z" else c for c in text)


# ---------------------------------------------------------------------------------
# Scenarios and their variants
# ---------------------------------------------------------------------------------

TABLES_OF_THINGS = (
    "parameters", "definitions", "resources", "actors", "cohorts", "groups", "commitments",
    "meetings", "shocks", "moves", "outcomes", "metrics", "data",
)  # fmt: skip
THINGS = ("time", "trust", "credit", "sweep")


def load(path):
    """A scenario, with the one that it extends beneath it."""
    with open(path, "rb") as file:
        document = tomllib.loads(file.read().decode("utf-8-sig"))
    folder = os.path.dirname(os.path.abspath(path))
    place_tables(document, folder)
    below = document.pop("extends", None)
    if below is None:
        return document
    remove = document.pop("remove", [])
    return lay_over(take_out(load(os.path.join(folder, below)), remove), document)


def place_tables(document, folder):
    """A table's path is relative to the file that names it."""
    places = list(document.get("cohorts", {}).values()) + list(document.get("data", {}).values())
    places += document.get("influence", []) + document.get("trust", {}).get("pairs", [])
    for place in places:
        if "table" in place:
            place["table"] = os.path.join(folder, place["table"])


def take_out(document, remove):
    for path in remove:
        *way, last = path.split(".")
        place = document
        for key in way:
            place = place[int(key)] if isinstance(place, list) else place[key]
        del place[last]
    return document


def lay_over(below, above):
    result = copy.copy(below)
    for key, value in above.items():
        if key in THINGS:
            result[key] = {**below.get(key, {}), **value}
        elif key in TABLES_OF_THINGS:
            result[key] = dict(below.get(key, {}))
            for id, thing in value.items():
                result[key][id] = lay_thing(key, result[key].get(id), thing)
        else:
            result[key] = value
    return result


def lay_thing(table, below, above):
    if table == "parameters":
        if not is_long(below):
            return above
        if isinstance(above, dict):
            return {**below, **above} if is_long(above) else above
        return {**below, "value": above}
    if isinstance(below, dict) and isinstance(above, dict):
        return {**below, **above}
    return above


def is_long(parameter):
    return isinstance(parameter, dict) and not is_distribution(parameter)


def apply_override(document, name, value):
    """NAME is a parameter or the dotted path of a number, moment or truth in the file."""
    parameters = document.get("parameters", {})
    if name in parameters:
        if is_long(parameters[name]):
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


def read_override(text):
    """A number, a date or a truth."""
    if text in ("true", "false"):
        return text == "true"
    if DATE.fullmatch(text):
        when = datetime.datetime.fromisoformat(text)
        return when if "T" in text or " " in text else when.date()
    return float(text)
