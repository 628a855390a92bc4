#!/usr/bin/env python3
# /// script
# requires-python = ">=3.11"
# dependencies = ["pandas>=2.2", "matplotlib>=3.8"]
# ///
"""A timeline of commitments: when each was offered, bound, suspended, kept or broken.

Reads events.csv, and commitments.csv where there is one. Members of a group with the same history share a row.
The bar of a graded promise is filled up to what it had come to of its limit.
"""

import argparse
import json
import sys
import textwrap
import tomllib
import warnings
from pathlib import Path

import matplotlib

matplotlib.use("Agg")
import matplotlib.dates as mdates
import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

ROWS = 80
NAMES_SAID = 8
# The kind of bar that begins with an event of a commitment, if any.
BECOMES = {
    "created": "offered",
    "cancelled": None,
    "expired": None,
    "detached": "bound",
    "suspended": "suspended",
    "reactivated": "bound",
    "satisfied": "kept",
    "violated": None,
    "released": None,
    "renewed": None,
}
# Okabe and Ito's colours; offered and bound differ in lightness too, suspended has hatches.
BARS = {
    "offered": {"facecolor": "#d5d5d5"},
    "bound": {"facecolor": "#0072B2"},
    "suspended": {"facecolor": "#ffffff", "edgecolor": "#D55E00", "hatch": "/////"},
    "kept": {"facecolor": "#009E73"},
}
# The part of a graded promise's limit that is not promised yet.
REST = {"bound": "#b3d4e8", "kept": "#b2e0d3"}
# The marks of final states, after which there is no bar.
ENDS = {
    "cancelled": ("taken back", "x", "#505050"),
    "expired": ("lapsed", "o", "#505050"),
    "violated": ("broken", "X", "#000000"),
    "released": ("released", "D", "#505050"),
}
STYLE = {
    "axes.spines.left": False,
    "axes.spines.right": False,
    "axes.spines.top": False,
    "figure.constrained_layout.use": True,
    "font.size": 9,
    "hatch.linewidth": 0.8,
    "text.parse_math": False,
}


def plain(text):
    """Removes control characters from a text of a file, so that it cannot affect the terminal."""
    return "".join(c if c.isprintable() else f"\\u{{{ord(c):x}}}" for c in str(text))


def cleaned(value):
    """A value read from a file, with control characters removed from every text in it."""
    if isinstance(value, dict):
        return {plain(key): cleaned(one) for key, one in value.items()}
    if isinstance(value, list):
        return [cleaned(one) for one in value]
    return plain(value) if isinstance(value, str) else value


def fail(message, remedy=None):
    """Prints an error and exits."""
    sys.exit(f"error: {plain(message)}" + (f"\n  = help: {plain(remedy)}" if remedy else ""))


def read_manifest(folder):
    """The manifest of an output folder, and its scenario as far as Python can read it."""
    if not folder.is_dir():
        fail(f"`{folder}` is no folder", "give a folder that `backstop run … --out` or `sweep … --out` wrote")
    try:
        manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
        text = manifest["scenario_text"]
    except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
        fail(f"`{folder}` has no manifest.json of backstop: {error}", "give a folder that `--out` wrote")
    if not manifest.get("complete"):
        print(f"warning: `{folder}` is not complete", file=sys.stderr)
    try:
        return cleaned(manifest), cleaned(tomllib.loads(text.removeprefix("\ufeff")))
    except tomllib.TOMLDecodeError:
        # Only labels are lost: Python may not know a form of TOML that backstop does.
        return cleaned(manifest), {}


def read_table(path, remedy):
    """A table; texts such as `null` are not read as missing values."""
    if not path.is_file():
        fail(f"`{path.parent}` has no {path.name}", remedy)
    return pd.read_csv(path, keep_default_na=False, na_values={"date": [""], "value": [""]})


def words(name):
    """An id with spaces instead of underscores, for display."""
    return name.replace("_", " ")


def number(value):
    """A number as backstop prints it, with digits in groups of three."""
    text = f"{value:,.0f}" if 999_999 < abs(value) < 1e15 else f"{value:,.6g}"
    return text.replace(",", "\u2009")


def history(events, end, limits):
    """The bars of one commitment, `(first step, step after, what, share)`, and how it ended: `(step, event)`.

    The share of a graded promise is the mean of its amounts divided by their limits; that of others is 1."""
    bars, ends = [], []
    state, since, given = None, 0, {}

    def share():
        if not limits or state not in REST:
            return 1.0
        shares = [given.get(resource, 0.0) / limit if limit > 0 else 1.0 for resource, limit in limits.items()]
        return sum(shares) / len(shares)

    for step, event, resource, value in zip(events["step"], events["event"], events["resource"], events["value"]):
        if state and step > since:
            bars.append((since, step, state, round(share(), 3)))
        if event in ENDS:
            ends.append((step, event))
        since = step
        if event == "raised":
            given[resource] = value
            continue
        if event in ("created", "renewed"):
            given = {}
        state = BECOMES[event]
    if state:
        bars.append((since, end, state, round(share(), 3)))
    return tuple(bars), tuple(ends)


def graded_limits(folder):
    """The limits of graded promises, by instance and resource."""
    path = folder / "commitments.csv"
    limits = {}
    if not path.is_file():
        return limits
    table = read_table(path, None)
    for row in table[pd.to_numeric(table["upto"], errors="coerce").notna()].itertuples():
        limits.setdefault(row.commitment, {})[row.resource] = float(row.upto)
    return limits


def collect(events, order, end, limits):
    """A row for each commitment, or for instances with equal bars: label, instances, bars, ends."""
    rows = {}
    of = dict(tuple(events[events["event"].isin([*BECOMES, "raised"])].groupby("subject", sort=False)))
    for instance in order:
        bars, ends = history(of[instance], end, limits.get(instance)) if instance in of else ((), ())
        rows.setdefault((instance.split("/")[0], bars, ends), []).append(instance)
    collected = []
    for (commitment, bars, ends), instances in rows.items():
        label = words(commitment)
        if "/" in instances[0]:
            label += f" ({len(instances)})" if len(instances) > 1 else f": {words(instances[0].split('/')[1])}"
        collected.append((label, instances, bars, ends))
    return collected


def rounded(amount):
    """A number, rounded for display."""
    return number(round(amount)) if abs(amount) >= 1000 else f"{amount:.4g}"


def amounts(folder, scenario, rows):
    """The total amounts of a row, as text."""
    path = folder / "commitments.csv"
    if not path.is_file():
        return [""] * len(rows)
    table = read_table(path, None)
    said = []
    for _, instances, _, _ in rows:
        own = table[table["commitment"].isin(instances)]
        sums = own.groupby("resource", sort=False)["amount"].sum()
        limits = own.assign(upto=pd.to_numeric(own["upto"], errors="coerce")).groupby("resource", sort=False)["upto"]
        limits = limits.sum(min_count=1)
        declared = scenario.get("resources", {})
        units = [declared.get(resource, {}).get("unit", words(resource)) for resource in sums.index]
        units = [f"of {words(name)}" if unit == "share" else unit for unit, name in zip(units, sums.index)]
        of_limit = ["" if pd.isna(limit) else f" of {rounded(limit)}" for limit in limits]
        said.append(", ".join(f"{rounded(amount)}{of} {unit}" for amount, of, unit in zip(sums, of_limit, units)))
    return said


def label_time(axes, start, end):
    """Days (or hours) with the year below the first."""
    days = (end - start).days
    axes.xaxis.set_major_locator(mdates.AutoDateLocator(minticks=3, maxticks=8, interval_multiples=days >= 60))
    seen = set()

    def label(value, position):
        date = mdates.num2date(value)
        if position == 0:
            seen.clear()
        new = date.year not in seen
        seen.add(date.year)
        day = f"{date:%b}" if days >= 400 else f"{date.day} {date:%b}"
        return (f"{date:%H:%M}\n" if days < 3 else "") + day + (f"\n{date:%Y}" if new else "")

    axes.xaxis.set_major_formatter(matplotlib.ticker.FuncFormatter(label))


def place(step, calendar):
    """Where a step begins on the horizontal axis."""
    start, length = calendar
    return mdates.date2num(start + step * length) if start is not None else step


def draw(events, rows, said, end, calendar):
    """The rows from the top, below the meetings, shocks and moves."""
    kinds = [("meetings", "met"), ("shocks", "shock"), ("moves", "moved")]
    strips = [(name, events[events["event"] == kind]) for name, kind in kinds]
    strips = [(name, found) for name, found in strips if not found.empty]
    total = len(rows) + len(strips)
    figure, axes = plt.subplots(figsize=(9, 1.5 + 0.21 * total))
    middle = (place(1, calendar) - place(0, calendar)) / 2
    labels = []
    for at, (name, found) in enumerate(strips):
        labels.append(name)
        marker, colour = {"meetings": ("v", "#505050"), "shocks": ("*", "#D55E00"), "moves": (">", "#0072B2")}[name]
        steps = [place(step, calendar) + middle for step in found["step"].drop_duplicates()]
        axes.plot(steps, [at] * len(steps), marker, color=colour, markersize=6, clip_on=False)
    seen, ended = set(), set()
    for at, (label, _, bars, ends) in enumerate(rows, start=len(strips)):
        labels.append(label)
        for first, after, what, share in bars:
            left = place(first, calendar)
            width, height = place(after, calendar) - left, 0.62
            edge = 0.6 if what == "suspended" else 0
            if share < 1.0:
                axes.barh(at, width, left=left, height=height, linewidth=0, facecolor=REST[what])
            # From the lower edge of the row; the axis points down.
            axes.barh(
                at + height * (1.0 - share) / 2, width, left=left, height=height * share, linewidth=edge, **BARS[what]
            )
            seen.add(what)
        for step, event in ends:
            _, marker, colour = ENDS[event]
            axes.plot(place(step, calendar), at, marker, color=colour, markersize=6, markeredgewidth=1.5, clip_on=False)
            ended.add(event)
    for at, text in enumerate(said, start=len(strips)):
        axes.annotate(text, (1.01, at), xycoords=("axes fraction", "data"), va="center", fontsize=8, color="#505050")
    for step, outcomes in events[events["event"] == "reached"].groupby("step")["subject"]:
        at = place(step, calendar) + middle
        axes.axvline(at, color="#000000", linewidth=0.8, linestyle=":", zorder=0)
        text = "\n".join(words(outcome) for outcome in outcomes)
        axes.annotate(text, (at, -0.7), ha="center", va="bottom", fontsize=8, annotation_clip=False)
    axes.set_yticks(range(total), labels)
    axes.set_ylim(total - 0.4, -0.6)
    axes.set_xlim(place(0, calendar), place(end, calendar))
    axes.tick_params(axis="y", length=0)
    if strips:
        axes.axhline(len(strips) - 0.5, color="#e4e4e4", linewidth=0.8)
    if calendar[0] is not None:
        axes.xaxis_date()
        label_time(axes, calendar[0], calendar[0] + end * calendar[1])
    else:
        axes.xaxis.get_major_locator().set_params(integer=True)
        axes.set_xlabel("step")
    key = [Patch(linewidth=0.6, **style) for what, style in BARS.items() if what in seen]
    names = [what for what in BARS if what in seen]
    for event, (name, marker, colour) in ENDS.items():
        if event in ended:
            key.append(Line2D([], [], linestyle="", marker=marker, color=colour))
            names.append(name)
    if any(share < 1.0 for _, _, bars, _ in rows for *_, share in bars):
        key.append(Patch(facecolor=REST["bound"]))
        names.append("up to its limit")
    if key:
        figure.legend(key, names, loc="outside lower center", ncols=len(key), frameon=False)
    return figure


def calendar_of(table):
    """The beginning of step 0 and the length of a step; `None` for both without dates."""
    dates = pd.to_datetime(table["date"])
    if dates.isna().any():
        return None, None
    first, last = table["step"].idxmin(), table["step"].idxmax()
    steps = table["step"][last] - table["step"][first]
    length = (dates[last] - dates[first]) / steps if steps > 0 else pd.Timedelta(days=1)
    return dates[first] - table["step"][first] * length, length


def moment(step, calendar):
    """The date of a step as text, `on 15 March 2025`, or `at step 5` without dates."""
    start, length = calendar
    if start is None:
        return f"at step {step}"
    date = start + int(step) * length
    is_plain = start == start.normalize() and length == length.floor("D")
    return f"on {date.day} {date:%B %Y}" + ("" if is_plain else f" at {date:%H:%M}")


def point_said(folder, point):
    """The values of a sweep's point as text; only the first few of many."""
    path = folder / "design.csv"
    if not path.is_file():
        return [f"point {point}"]
    design = pd.read_csv(path)
    row = design[design["point"] == point].drop(columns="point")
    said = [f"{words(name)} = {number(value)}" for name, value in row.iloc[0].items()] if len(row) else []
    left = len(said) - NAMES_SAID
    return [*said[:NAMES_SAID], f"and {left} numbers more (point {point} of design.csv)"] if left > 0 else said


def circumstances(manifest, calendar):
    """The overrides, the seed and the forks, as text."""
    parts = settings(manifest.get("overrides", []))
    for said, one in zip(moves(manifest), manifest.get("moves", [])):
        parts.append(f"{said} {moved_when(one['on'], calendar)}")
    parts.append(f"seed {manifest['seed']}")
    for fork in manifest.get("forks", []):
        said = ", ".join(settings(fork["overrides"]) + moves(fork)) or "nothing set"
        parts.append(f"forked {moment(fork['at'], calendar)}: {said}")
    return parts


def moves(of):
    """The moves that were added to a run or a fork, as text."""
    said = []
    for one in of.get("moves", []):
        amount = one.get("amount", {})
        if isinstance(amount, dict):
            amounts = [f"{number(x)} {words(name)}" for name, x in amount.items()]
        else:
            amounts = [number(amount)]
        said.append(f"{words(one['bind'])} moved first" + (f" with {' and '.join(amounts)}" if amounts else ""))
    return said


def moved_when(on, calendar):
    """The time of a move as text. The manifest has a step, or the text of a moment."""
    if isinstance(on, (int, float)):
        return moment(on, calendar)
    date = pd.Timestamp(on)
    return f"on {date.day} {date:%B %Y}" + ("" if date == date.normalize() else f" at {date:%H:%M}")


def settings(overrides):
    """A value that was set, as text: a number, a moment or a boolean."""
    said = []
    for one in overrides:
        value = one["value"]
        is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
        said.append(f"{words(one['name'])} = {number(value) if is_number else str(value).lower()}")
    return said


def head(figure, title, below):
    """Draws a title with a subtitle in a lighter colour."""
    wrapped = textwrap.fill(title, max(20, int(figure.get_figwidth() * 11)))
    lines = textwrap.wrap(below, max(20, int(figure.get_figwidth() * 15)))
    top = figure.suptitle(wrapped + "\n" * len(lines), x=0.008, ha="left", fontsize=11, fontweight="bold")
    figure.draw_without_rendering()
    bottom = top.get_window_extent().transformed(figure.transFigure.inverted()).y0
    figure.text(0.008, bottom, "\n".join(lines), ha="left", va="bottom", fontsize=9, color="#505050")


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0], epilog=__doc__.split("\n\n", 1)[1])
    parser.add_argument("folder", type=Path, help="a folder of `backstop run … --out` or `sweep … --events --out`")
    parser.add_argument("--out", type=Path, required=True, metavar="FILE.png", help="the picture to write")
    parser.add_argument("--only", metavar="NAME,…", help="these commitments only", type=lambda text: text.split(","))
    parser.add_argument("--run", type=int, metavar="N", default=0, help="of a sweep, which run (default: 0)")
    arguments = parser.parse_args()

    folder = arguments.folder
    manifest, scenario = read_manifest(folder)
    events = read_table(folder / "events.csv", "sweeps write it with `--events`")
    events = events[events["run"] == arguments.run]
    if events.empty:
        fail(f"`{folder}` has no events of run {arguments.run}", "run numbers are those of runs.csv")
    end = int(events["step"].max()) + 1
    order = list(dict.fromkeys(events.loc[events["event"].isin(BECOMES), "subject"]))
    if (folder / "commitments.csv").is_file():
        order = list(dict.fromkeys(read_table(folder / "commitments.csv", None)["commitment"]))
    else:
        declared = list(scenario.get("commitments", {}))
        order.sort(key=lambda name: declared.index(name.split("/")[0]) if name.split("/")[0] in declared else 0)
    if arguments.only:
        for name in arguments.only:
            if name not in {part for instance in order for part in (instance, instance.split("/")[0])}:
                known = dict.fromkeys(instance.split("/")[0] for instance in order)
                fail(f"there is no commitment `{name}`", f"there are {', '.join(known)}")
        order = [name for name in order if name in arguments.only or name.split("/")[0] in arguments.only]
    rows = collect(events, order, end, graded_limits(folder))
    if not rows:
        fail("there are no commitments to draw")
    if len(rows) > ROWS:
        fail(f"{len(rows)} rows are too many for one picture", "choose some: `--only NAME,NAME`")

    ended = events[events["event"] == "ended"]
    reached = events[(events["event"] == "reached") & events["subject"].isin(ended["subject"])]
    calendar = calendar_of(events)
    below = circumstances(manifest, calendar)
    if manifest.get("design"):
        points = manifest["design"]["points"]
        # Runs go replicate by replicate over all points.
        below[-1:-1] = point_said(folder, arguments.run % points)
        below.append(f"run {number(arguments.run)}, replicate {number(arguments.run // points)}")
    below.append(f"outcome: {words(ended['subject'].iloc[0])}" if len(ended) else "the run failed")
    if len(reached):
        below[-1] += f", reached {moment(reached['step'].iloc[0], calendar)}"
    plt.rcParams.update(STYLE)
    figure = draw(events, rows, amounts(folder, scenario, rows), end, calendar)
    head(figure, scenario.get("title", manifest["scenario"]), "; ".join(below))
    try:
        # Without the version of matplotlib, so that equal pictures are equal files.
        metadata = {"Software": None} if arguments.out.suffix.lower() == ".png" else None
        figure.savefig(arguments.out, dpi=150, metadata=metadata)
    except (OSError, ValueError) as error:
        fail(f"cannot write `{arguments.out}`: {error}")


if __name__ == "__main__":
    warnings.showwarning = lambda message, *_: print(f"warning: {plain(message)}", file=sys.stderr)
    try:
        main()
    except Exception as error:
        fail(f"the folder's tables or its manifest are damaged ({type(error).__name__}: {error})", "write it anew")
