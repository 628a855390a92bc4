#!/usr/bin/env python3
# /// script
# requires-python = ">=3.11"
# dependencies = ["pandas>=2.2", "matplotlib>=3.8"]
# ///
"""Outcome shares of a sweep along one parameter, with their 95 % intervals (Wilson).

Reads summary.csv. If the sweep varies more than one name, `--at NAME=VALUE` fixes the others; `--bins N` pools the
points of a sample, or of all values of the others, into N parts of equal width.
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

# Okabe and Ito's colours, which people with any kind of colour vision can tell apart, and markers for everyone else.
COLOURS = ["#0072B2", "#D55E00", "#009E73", "#CC79A7", "#56B4E9", "#E69F00", "#000000"]
MARKERS = ["o", "s", "^", "D", "v", "P", "X"]
RUNS = "count/runs"
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
    """The manifest of a sweep's folder, its scenario as far as Python can read it, and its summary."""
    if not folder.is_dir():
        fail(f"`{folder}` is no folder", "give the folder that `backstop sweep … --out` wrote")
    try:
        manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
        text, design = manifest["scenario_text"], manifest["design"]
    except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
        fail(f"`{folder}` has no manifest.json of backstop: {error}", "give a folder that `sweep … --out` wrote")
    if design is None:
        fail(f"`{folder}` is the folder of a single run", "give one that `backstop sweep … --vary … --out` wrote")
    if not (folder / "summary.csv").is_file():
        fail(f"`{folder}` has no summary.csv yet", "go on with the sweep: `backstop sweep … --resume`")
    if not manifest.get("complete"):
        print(f"warning: `{folder}` is not complete; the shares are those of the runs so far", file=sys.stderr)
    try:
        scenario = cleaned(tomllib.loads(text.removeprefix("\ufeff")))
    except tomllib.TOMLDecodeError:
        # Only labels are lost: Python may not know a form of TOML that backstop does.
        scenario = {}
    return cleaned(manifest), scenario, pd.read_csv(folder / "summary.csv", keep_default_na=False, na_values=[""])


def outcomes_of(summary):
    """Each outcome with its three columns: share, low, high. No name that varies has a `/`."""
    outcomes = [column.removeprefix("share/") for column in summary.columns if column.startswith("share/")]
    return {name: [f"share/{name}", f"share_low/{name}", f"share_high/{name}"] for name in outcomes}


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


def values_said(values):
    """The values of a column, shortly."""
    texts = [number(value) for value in sorted(set(values))]
    return ", ".join(texts) if len(texts) <= 12 else f"{texts[0]}, {texts[1]}, … {texts[-1]}"


def choose(summary, names, by, fixed):
    """The name along the axis, and the points at which the others are as wanted."""
    for name in [*fixed, *([by] if by else [])]:
        if name not in names:
            fail(f"the sweep does not vary `{name}`", f"it varies {', '.join(names) or 'nothing'}")
    for name, value in fixed.items():
        near = [math.isclose(found, value, rel_tol=1e-9, abs_tol=1e-12) for found in summary[name]]
        if not any(near):
            fail(f"the sweep has no point at {name} = {number(value)}", f"it has {values_said(summary[name])}")
        summary = summary[near]
    free = [name for name in names if name not in fixed]
    if by is None and len(free) == 1:
        by = free[0]
    if by is None and free:
        fail("the sweep varies more than one name", f"choose one with `--by`: {', '.join(free)}")
    if by is None:
        fail("the sweep varies nothing that could be an axis", "sweep with `--vary NAME=A:B:N`")
    return by, summary


def check_line(summary, names, by, kind):
    """Exits if points at the same position of the axis differ in other names."""
    others = [name for name in names if name != by and summary[name].nunique() > 1]
    if not others or kind == "zip":
        return
    if kind == "grid":
        fixes = ", ".join(f"`--at {name}=…` ({values_said(summary[name])})" for name in others)
        fail(f"there are several points for one value of `{by}`", f"fix the others: {fixes}; or pool them: `--bins 10`")
    fail(f"the points are a sample that varies {', '.join(others)} too", "pool them: `--bins 10`")


def wilson(hits, runs):
    """The 95 % interval of a share, as backstop computes it."""
    z = 1.959963984540054
    share, size = hits / runs, z * z / runs
    middle = (share + size / 2) / (1 + size)
    half = z * math.sqrt(share * (1 - share) / runs + size / (4 * runs)) / (1 + size)
    return max(0.0, middle - half), min(1.0, middle + half)


def pooled(summary, by, outcomes, bins):
    """Points pooled into parts of equal width along the axis; a part is drawn at the mean of its runs."""
    low, high = summary[by].min(), summary[by].max()
    # A name with few values is not binned.
    part = summary[by]
    if part.nunique() > bins:
        part = ((part - low) / (high - low) * bins).astype(int).clip(upper=bins - 1)
    rows = []
    for _, found in summary.groupby(part):
        runs = int(found[RUNS].sum())
        # The mean of its runs, which need not be the middle of the part.
        row = {by: (found[by] * found[RUNS]).sum() / runs, RUNS: runs}
        for share, below, above in outcomes.values():
            hits = (found[share] * found[RUNS]).sum()
            row |= {share: hits / runs, **dict(zip((below, above), wilson(hits, runs)))}
        rows.append(row)
    return pd.DataFrame(rows)


def draw(summary, by, outcomes, scenario):
    """A line for each outcome, with its interval as a band."""
    figure, axes = plt.subplots(figsize=(7, 3.8))
    for position, (outcome, (share, low, high)) in enumerate(outcomes.items()):
        colour, marker = COLOURS[position % len(COLOURS)], MARKERS[position % len(MARKERS)]
        axes.fill_between(summary[by], summary[low], summary[high], color=colour, alpha=0.18, linewidth=0)
        size = 4 if len(summary) <= 40 else 0
        style = {"color": colour, "marker": marker, "markersize": size, "linewidth": 1.4}
        axes.plot(summary[by], summary[share], label=words(outcome), **style)
    axes.set_ylim(-0.03, 1.03)
    axes.yaxis.set_major_formatter(matplotlib.ticker.PercentFormatter(1, decimals=0, symbol=" %"))
    axes.xaxis.set_major_formatter(matplotlib.ticker.FuncFormatter(lambda value, _: number(value)))
    axes.set_xlabel(titled(by, scenario))
    axes.set_ylabel("share of runs")
    figure.legend(loc="outside right upper", frameon=False)
    return figure


def head(figure, title, below):
    """Draws a title with a subtitle in a lighter colour."""
    wrapped = textwrap.fill(title, max(20, int(figure.get_figwidth() * 11)))
    lines = textwrap.wrap(below, max(20, int(figure.get_figwidth() * 15)))
    top = figure.suptitle(wrapped + "\n" * len(lines), x=0.008, ha="left", fontsize=11, fontweight="bold")
    figure.draw_without_rendering()
    bottom = top.get_window_extent().transformed(figure.transFigure.inverted()).y0
    figure.text(0.008, bottom, "\n".join(lines), ha="left", va="bottom", fontsize=9, color="#505050")


def setting(text):
    """NAME=VALUE"""
    name, _, value = text.partition("=")
    try:
        return name.strip(), float(value)
    except ValueError:
        raise argparse.ArgumentTypeError(f"`{text}` is not NAME=VALUE") from None


def count(text):
    """A whole number from 2."""
    if not text.isdecimal() or int(text) < 2:
        raise argparse.ArgumentTypeError(f"`{text}` is not a whole number from 2")
    return int(text)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0], epilog=__doc__.split("\n\n", 1)[1])
    parser.add_argument("folder", type=Path, help="a folder that `backstop sweep … --out` wrote")
    parser.add_argument("--out", type=Path, required=True, metavar="FILE.png", help="the picture to write")
    parser.add_argument("--by", metavar="NAME", help="the name along the axis (default: the only one that varies)")
    at = {"metavar": "NAME=VALUE", "type": setting, "action": "append", "default": []}
    parser.add_argument("--at", help="fixes another name that varies (repeatable)", **at)
    parser.add_argument("--bins", metavar="N", type=count, help="pool the points into N parts of equal width")
    parser.add_argument("--only", metavar="OUTCOME,…", help="these outcomes only", type=lambda text: text.split(","))
    arguments = parser.parse_args()

    manifest, scenario, summary = read_sweep(arguments.folder)
    names = manifest["design"]["names"]
    outcomes = outcomes_of(summary)
    for name in arguments.only or []:
        if name not in outcomes:
            fail(f"there is no outcome `{name}`", f"there are {', '.join(outcomes)}")
    by, summary = choose(summary[summary[RUNS] > 0], names, arguments.by, dict(arguments.at))
    if summary.empty:
        fail("no run is done yet at the chosen points")
    if arguments.bins:
        summary = pooled(summary, by, outcomes, arguments.bins)
    else:
        check_line(summary, names, by, manifest["design"]["kind"])
    # Outcomes in which no run ended are left out, unless `--only` names them.
    shown = arguments.only or [name for name, (share, _, _) in outcomes.items() if summary[share].max() > 0]
    if len(shown) > len(COLOURS):
        fail(f"{len(shown)} outcomes are too many for one picture", "choose some: `--only NAME,NAME`")
    outcomes = {name: outcomes[name] for name in shown}
    summary = summary.sort_values(by)

    least, most = int(summary[RUNS].min()), int(summary[RUNS].max())
    runs = number(least) if least == most else f"{number(least)} to {number(most)}"
    below = [f"{words(one['name'])} = {number(one['value'])}" for one in manifest.get("overrides", [])]
    below += [f"{words(name)} = {number(value)}" for name, value in arguments.at]
    where = f"in each of {len(summary)} parts" if arguments.bins else f"at each of {len(summary)} points"
    below.append(f"{runs} runs {where}, with 95 % intervals")
    plt.rcParams.update(STYLE)
    figure = draw(summary, by, outcomes, scenario)
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
