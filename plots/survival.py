#!/usr/bin/env python3
# /// script
# requires-python = ">=3.11"
# dependencies = ["pandas>=2.2", "matplotlib>=3.8"]
# ///
"""Time to agreement: the share of a sweep's runs that have not reached an outcome yet, with 95 % intervals (Wilson).

Reads runs.csv. A run counts from the step at which it first reached the outcome that it ended in. A curve goes as far
as all runs go that did not reach it; with `--hold` those that have ended count as never reaching it. Failed runs are
left out. `--by NAME` draws a curve for each value of a name.
"""

import argparse
import json
import math
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

CURVES = 8
NAMES_SAID = 8
STYLE = {
    "axes.grid": True,
    "axes.grid.axis": "y",
    "axes.spines.right": False,
    "axes.spines.top": False,
    "figure.constrained_layout.use": True,
    "font.size": 9,
    "grid.color": "#e4e4e4",
    "text.parse_math": False,
}
UNITS = {"minute": "minutes", "hour": "hours", "day": "days", "week": "weeks"}


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


def read_sweep(folder):
    """The manifest of a sweep's folder, its scenario as far as Python can read it, and its runs."""
    if not folder.is_dir():
        fail(f"`{folder}` is no folder", "give the folder that `backstop sweep … --out` wrote")
    try:
        manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
        text, design = manifest["scenario_text"], manifest["design"]
    except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
        fail(f"`{folder}` has no manifest.json of backstop: {error}", "give a folder that `sweep … --out` wrote")
    if design is None:
        fail(f"`{folder}` is the folder of a single run", "give one that `backstop sweep … --out` wrote")
    if not manifest.get("complete"):
        print(f"warning: `{folder}` is not complete; the shares are those of the runs so far", file=sys.stderr)
    if not (folder / "runs.csv").is_file():
        fail(f"`{folder}` has no runs.csv yet", "go on with the sweep: `backstop sweep … --resume`")
    try:
        scenario = cleaned(tomllib.loads(text.removeprefix("\ufeff")))
    except tomllib.TOMLDecodeError:
        # Only labels are lost: Python may not know a form of TOML that backstop does.
        scenario = {}
    return cleaned(manifest), scenario, pd.read_csv(folder / "runs.csv", keep_default_na=False, na_values=[""])


def words(name):
    """An id with spaces instead of underscores, for display."""
    return name.replace("_", " ")


def number(value):
    """A number as backstop prints it, with digits in groups of three."""
    text = f"{value:,.0f}" if 999_999 < abs(value) < 1e15 else f"{value:,.6g}"
    return text.replace(",", "\u2009")


def titled(name, scenario):
    """The display name of a parameter, with its unit."""
    parameter = scenario.get("parameters", {}).get(name.removeprefix("parameters.").removesuffix(".value"), {})
    unit = parameter.get("unit") if isinstance(parameter, dict) else None
    return words(name) + (f" ({unit})" if unit and unit not in words(name) else "")


def wilson(hits, runs):
    """The 95 % interval of a share, as backstop computes it."""
    z = 1.959963984540054
    share, size = hits / runs, z * z / runs
    middle = (share + size / 2) / (1 + size)
    half = z * math.sqrt(share * (1 - share) / runs + size / (4 * runs)) / (1 + size)
    return max(0.0, middle - half), min(1.0, middle + half)


def curve(runs, outcome, hold):
    """The share that has not reached the outcome, and its interval, from the middle of each step on."""
    reached = runs.loc[runs["outcome"] == outcome, "reached_step"].astype(int)
    others = runs.loc[runs["outcome"] != outcome, "steps"]
    end = int(runs["steps"].max() if hold or others.empty else others.min())
    left = len(runs)
    counts = reached.value_counts()
    rows = [(0, 1.0, 1.0, 1.0)]
    for step in range(end):
        left -= int(counts.get(step, 0))
        rows.append((step + 0.5, left / len(runs), *wilson(left, len(runs))))
    rows.append((end, *rows[-1][1:]))
    return pd.DataFrame(rows, columns=["step", "share", "low", "high"])


def calendar(scenario):
    """The start and the length of a step, if the scenario has dates."""
    time = scenario.get("time", {})
    if "start" not in time:
        return None
    number, unit = time.get("step", "1 day").split()
    return pd.Timestamp(time["start"]), pd.Timedelta(**{UNITS[unit.removesuffix("s")]: int(number)})


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


def draw(curves, by, outcome, end, scenario):
    """The curves as steps, from light to dark in the order of the values."""
    figure, axes = plt.subplots(figsize=(7, 3.8))
    dated = calendar(scenario)
    shades = matplotlib.colormaps["viridis"]
    for position, (value, points) in enumerate(curves):
        colour = "#0072B2" if by is None else shades(0.9 * position / max(1, len(curves) - 1))
        x = points["step"] if dated is None else dated[0] + points["step"] * dated[1]
        axes.fill_between(x, points["low"], points["high"], step="post", color=colour, alpha=0.15, linewidth=0)
        label = number(value) if by is not None else None
        axes.plot(x, points["share"], drawstyle="steps-post", color=colour, linewidth=1.6, label=label)
    axes.set_ylim(-0.03, 1.03)
    axes.margins(x=0.01)
    axes.yaxis.set_major_formatter(matplotlib.ticker.PercentFormatter(1, decimals=0, symbol=" %"))
    axes.set_ylabel(f"runs without {words(outcome)} so far")
    if dated:
        label_time(axes, dated[0], dated[0] + end * dated[1])
    else:
        axes.xaxis.get_major_locator().set_params(integer=True)
        axes.set_xlabel("step")
    if by is not None:
        heading = textwrap.fill(titled(by, scenario), 18)
        figure.legend(loc="outside right upper", frameon=False, title=heading, alignment="left")
    return figure


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
    parser.add_argument("folder", type=Path, help="a folder that `backstop sweep … --out` wrote")
    parser.add_argument("--out", type=Path, required=True, metavar="FILE.png", help="the picture to write")
    parser.add_argument("--outcome", metavar="NAME", help="which outcome (default: the most frequent one)")
    parser.add_argument("--by", metavar="NAME", help="a curve for each value of this name (at most 8)")
    parser.add_argument("--hold", action="store_true", help="count runs that have ended as never reaching it")
    arguments = parser.parse_args()

    manifest, scenario, runs = read_sweep(arguments.folder)
    names = manifest["design"]["names"]
    failed = int((runs["status"] != "ok").sum())
    runs = runs[runs["status"] == "ok"]
    if runs.empty:
        fail("there is no run that did not fail", "`status` in runs.csv says why they did")
    reached = runs.loc[runs["reached_step"].notna(), "outcome"].value_counts()
    known = list(dict.fromkeys([*scenario.get("outcomes", {}), *reached.index]))
    outcome = arguments.outcome or (reached.index[0] if len(reached) else None)
    if outcome is None:
        fail("no run reached an outcome", f"name one with `--outcome`: {', '.join(known)}" if known else None)
    if outcome not in known:
        fail(f"there is no outcome `{outcome}` that can be reached", f"there are {', '.join(known) or 'none'}")
    if arguments.by is not None and arguments.by not in names:
        fail(f"the sweep does not vary `{arguments.by}`", f"it varies {', '.join(names) or 'nothing'}")

    end = int(runs["steps"].max())
    groups = runs.groupby(arguments.by) if arguments.by else [(None, runs)]
    if len(groups) > CURVES:
        fail(f"{len(groups)} curves are too many for one picture", f"sweep over at most {CURVES} values")
    curves = [(value, curve(group, outcome, arguments.hold)) for value, group in groups]

    below = [f"{words(one['name'])} = {number(one['value'])}" for one in manifest.get("overrides", [])]
    others = [name for name in names if name != arguments.by and runs[name].nunique() > 1]
    pooled = f" over all values of {', '.join(map(words, others[:NAMES_SAID]))}" if others else ""
    pooled += f" and {len(others) - NAMES_SAID} names more" if len(others) > NAMES_SAID else ""
    sizes = [len(group) for _, group in groups]
    counted = number(min(sizes)) + (f" to {number(max(sizes))}" if min(sizes) < max(sizes) else "")
    below.append(f"{counted} runs{' a curve' if arguments.by else ''}{pooled}, with 95 % intervals")
    if any(points["step"].iloc[-1] < end for _, points in curves):
        below.append("drawn as far as all runs go")
    if failed:
        below.append(f"{number(failed)} failed runs are left out")
    plt.rcParams.update(STYLE)
    figure = draw(curves, arguments.by, outcome, end, scenario)
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
