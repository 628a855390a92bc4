#!/usr/bin/env python3
# /// script
# requires-python = ">=3.11"
# dependencies = ["pandas>=2.2", "matplotlib>=3.8"]
# ///
"""Importance of parameters: how an outcome or a metric of a sweep depends on each varied name, the strongest first.

Reads runs.csv, best that of a sample (`--sample lhs:1000`). Each panel parts the runs by one name into bins of equal
number and shows the share of the outcome with its 95 % interval (Wilson), or the mean of the metric with its 95 %
interval and the range that holds nine tenths of the runs. `explains` is the part of the variance that the means of
the bins account for, less what chance gives (adjusted); `rank` is Spearman's rank correlation, which sees only what
rises or falls throughout.
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
import matplotlib.pyplot as plt
import pandas as pd

COLOUR = "#0072B2"
PANELS = 24
STYLE = {
    "axes.grid": True,
    "axes.grid.axis": "y",
    "axes.spines.right": False,
    "axes.spines.top": False,
    "axes.titlelocation": "left",
    "axes.titlesize": "medium",
    "figure.constrained_layout.use": True,
    "font.size": 9,
    "grid.color": "#e4e4e4",
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
        fail(f"`{folder}` is the folder of a single run", "give one that `backstop sweep … --sample … --out` wrote")
    if not manifest.get("complete"):
        print(f"warning: `{folder}` is not complete; the picture shows the runs so far", file=sys.stderr)
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


def response(runs, names, outcome, metric):
    """The varied names, and the number to explain for each run; runs without one are left out."""
    if metric is None:
        return runs[names].copy(), (runs["outcome"] == outcome).astype(float)
    found = pd.to_numeric(runs[metric], errors="coerce")
    found = found[found.abs() < math.inf]
    return runs.loc[found.index, names].copy(), found


def parts(values, bins):
    """Bins with equal numbers of runs; a name with few values is not binned."""
    return values if values.nunique() <= bins else pd.qcut(values, bins, labels=False, duplicates="drop")


def explained(x, y, bins):
    """The part of the variance that lies between the bins, adjusted for chance."""
    part = parts(x, bins)
    within = ((y - y.groupby(part).transform("mean")) ** 2).sum()
    total = ((y - y.mean()) ** 2).sum()
    free = len(y) - part.nunique()
    return max(0.0, 1 - within / free / (total / (len(y) - 1))) if total > 0 and free > 0 else 0.0


def percent(share):
    """A share, rounded for display."""
    return f"{100 * share:.0f} %" if share >= 0.01 else "less than 1 %"


def panel(axes, x, y, bins, is_share):
    """The outcome or metric along one name."""
    part = parts(x, bins)
    middles, groups = x.groupby(part).mean(), y.groupby(part)
    means = groups.mean()
    if is_share:
        limits = [wilson(group.sum(), len(group)) for _, group in groups]
    else:
        levels = groups.quantile([0.05, 0.95], interpolation="nearest").unstack()
        axes.fill_between(middles, levels[0.05], levels[0.95], color="#d5d5d5", alpha=0.5, linewidth=0)
        half = (1.959963984540054 * groups.std() / groups.size() ** 0.5).fillna(0)
        limits = list(zip(means - half, means + half))
    axes.fill_between(middles, *zip(*limits), color=COLOUR, alpha=0.25, linewidth=0)
    axes.plot(middles, means, color=COLOUR, marker="o", markersize=3, linewidth=1.4)


def draw(runs, y, order, strength, bins, is_share, scenario):
    """A panel for each name, from the strongest on."""
    columns = {1: 1, 2: 2, 4: 2}.get(len(order), 3)
    rows = math.ceil(len(order) / columns)
    size = (max(3.0 * columns, 6), 0.9 + 1.9 * rows if rows > 1 else 3.2)
    figure, grid = plt.subplots(rows, columns, figsize=size, squeeze=False, sharey=True)
    for at, axes in enumerate(grid.flat):
        if at >= len(order):
            axes.set_visible(False)
            continue
        name = order[at]
        panel(axes, runs[name], y, bins, is_share)
        # Without scipy: the correlation of the ranks.
        rank = runs[name].rank().corr(y.rank())
        said = "" if math.isnan(rank) else f", rank {rank:+.2f}".replace("-", "−")
        heading = textwrap.fill(titled(name, scenario), 34)
        axes.set_title(f"{heading}\nexplains {percent(strength[name])}{said}", fontsize=8)
        axes.xaxis.set_major_locator(matplotlib.ticker.MaxNLocator(4, steps=[1, 2, 2.5, 5, 10]))
        axes.xaxis.set_major_formatter(matplotlib.ticker.FuncFormatter(lambda value, _: number(value)))
    axes = grid.flat[0]
    if is_share:
        axes.set_ylim(-0.03, 1.03)
        axes.yaxis.set_major_formatter(matplotlib.ticker.PercentFormatter(1, decimals=0, symbol=" %"))
    else:
        axes.yaxis.set_major_locator(matplotlib.ticker.MaxNLocator(4, steps=[1, 2, 5, 10]))
        axes.yaxis.set_major_formatter(matplotlib.ticker.FuncFormatter(lambda value, _: number(value)))
    return figure


def head(figure, title, below):
    """Draws a title with a subtitle in a lighter colour."""
    wrapped = textwrap.fill(title, max(20, int(figure.get_figwidth() * 11)))
    lines = textwrap.wrap(below, max(20, int(figure.get_figwidth() * 15)))
    top = figure.suptitle(wrapped + "\n" * len(lines), x=0.008, ha="left", fontsize=11, fontweight="bold")
    figure.draw_without_rendering()
    bottom = top.get_window_extent().transformed(figure.transFigure.inverted()).y0
    figure.text(0.008, bottom, "\n".join(lines), ha="left", va="bottom", fontsize=9, color="#505050")


def count(text):
    """A whole number from 2."""
    if not text.isdecimal() or int(text) < 2:
        raise argparse.ArgumentTypeError(f"`{text}` is not a whole number from 2")
    return int(text)


def choose(arguments, runs, names, scenario):
    """The outcome or metric to draw, checked."""
    if arguments.metric is not None:
        fixed = ["run", "point", "replicate", "seed", "status", "outcome", "reached_date", "history_hash", "storyline_hash"]
        known = [name for name in runs.columns if name not in [*fixed, *names]]
        if arguments.metric not in known:
            fail(f"there is no metric `{arguments.metric}`", f"there are {', '.join(known)}")
        return None
    known = list(dict.fromkeys([*scenario.get("outcomes", {}), *runs["outcome"].dropna(), "deadlock", "stalemate"]))
    if arguments.outcome is not None and arguments.outcome not in known:
        fail(f"there is no outcome `{arguments.outcome}`", f"there are {', '.join(known)}")
    # By default the outcome whose share is nearest to a half: its variance is the largest.
    return arguments.outcome or min(known, key=lambda name: abs((runs["outcome"] == name).mean() - 0.5))


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0], epilog=__doc__.split("\n\n", 1)[1])
    parser.add_argument("folder", type=Path, help="a folder that `backstop sweep … --out` wrote")
    parser.add_argument("--out", type=Path, required=True, metavar="FILE.png", help="the picture to write")
    what = parser.add_mutually_exclusive_group()
    what.add_argument("--outcome", metavar="NAME", help="share of this outcome (default: the one nearest to a half)")
    what.add_argument("--metric", metavar="NAME", help="a metric's last value instead, or `reached_step`, `gap`")
    parser.add_argument("--only", metavar="NAME,…", help="these names only", type=lambda text: text.split(","))
    parser.add_argument("--top", metavar="N", type=count, default=9, help="how many names to draw (default: 9)")
    parser.add_argument("--bins", metavar="N", type=count, default=8, help="bins of each name (default: 8)")
    arguments = parser.parse_args()

    manifest, scenario, runs = read_sweep(arguments.folder)
    names = [name for name in manifest["design"]["names"] if name in runs.columns and runs[name].nunique() > 1]
    for name in arguments.only or []:
        if name not in names:
            fail(f"the sweep does not vary `{name}`", f"it varies {', '.join(names) or 'nothing'}")
    if not names:
        fail("the sweep varies nothing", "sweep with `--sample lhs:1000`")
    if arguments.top > PANELS:
        fail(f"{arguments.top} panels are too many for one picture", f"draw at most {PANELS}")
    if runs.empty:
        fail("no run is done yet", "go on with the sweep: `backstop sweep … --resume`")
    outcome = choose(arguments, runs, names, scenario)
    all_runs = len(runs)
    runs, y = response(runs, names, outcome, arguments.metric)
    if runs.empty:
        fail(f"no run has a value of `{arguments.metric}`", "choose another: `--metric NAME`")
    wanted = arguments.only or names
    strength = {name: explained(runs[name], y, arguments.bins) for name in wanted}
    order = sorted(wanted, key=lambda name: -strength[name])[: arguments.top]

    is_share = arguments.metric is None
    below = [f"{words(one['name'])} = {number(one['value'])}" for one in manifest.get("overrides", [])]
    if is_share:
        below.append(f"share of runs with the outcome {words(outcome)}, with 95 % intervals")
    else:
        below.append(f"mean {words(arguments.metric)} with its 95 % interval; nine tenths of the runs are in the grey")
    counted = number(len(runs)) if len(runs) == all_runs else f"{number(len(runs))} of {number(all_runs)}"
    below.append(f"{counted} runs")
    if len(wanted) > len(order):
        left = percent(max(strength[name] for name in wanted if name not in order))
        least = "" if left.startswith("less") else " at most"
        below.append(f"the other {len(wanted) - len(order)} names explain {left} each{least}")
    plt.rcParams.update(STYLE)
    figure = draw(runs, y, order, strength, arguments.bins, is_share, scenario)
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
