#!/usr/bin/env python3
# /// script
# requires-python = ">=3.11"
# dependencies = ["pandas>=2.2", "matplotlib>=3.8"]
# ///
"""A heat map of a sweep: the share of runs with one outcome, over two parameters.

Reads summary.csv. If the sweep varies more than two names, `--at NAME=VALUE` fixes the others; `--bins N` pools the
points of a sample, or of all values of the others, into N times N cells.
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

RUNS = "count/runs"
WRITTEN_CELLS = 150
STYLE = {
    "axes.spines.right": False,
    "axes.spines.top": False,
    "figure.constrained_layout.use": True,
    "font.size": 9,
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
    """The values of a column as a short text."""
    texts = [number(value) for value in sorted(set(values))]
    return ", ".join(texts) if len(texts) <= 12 else f"{texts[0]}, {texts[1]}, … {texts[-1]}"


def choose(summary, names, axes, fixed):
    """The two names along the axes, and the points at which the others have the selected values."""
    for name in [*fixed, *axes]:
        if name not in names:
            fail(f"the sweep does not vary `{name}`", f"it varies {', '.join(names) or 'nothing'}")
    for name, value in fixed.items():
        near = [math.isclose(found, value, rel_tol=1e-9, abs_tol=1e-12) for found in summary[name]]
        if not any(near):
            fail(f"the sweep has no point at {name} = {number(value)}", f"it has {values_said(summary[name])}")
        summary = summary[near]
    free = [name for name in names if name not in fixed]
    if not axes and len(free) == 2:
        axes = free
    if not axes and len(free) > 2:
        fail("the sweep varies more than two names", f"choose two with `--by`: {', '.join(free)}")
    if not axes:
        fail("a heat map needs a sweep over two names", "sweep with `--vary NAME=A:B:N --vary NAME=A:B:N`")
    return axes, summary


def table(summary, axes, share, bins):
    """The share in each cell: rows of the second name, columns of the first."""
    cells = pd.DataFrame({"n": summary[RUNS], "hits": summary[share] * summary[RUNS]})
    centres, pooled = [], []
    for key, name in zip("xy", axes):
        low, high = summary[name].min(), summary[name].max()
        # A name with few values is not binned.
        pooled.append(bool(bins) and summary[name].nunique() > bins)
        if pooled[-1]:
            width = (high - low) / bins
            cells[key] = ((summary[name] - low) / width).astype(int).clip(upper=bins - 1)
            centres.append([low + (number + 0.5) * width for number in range(bins)])
        else:
            values = sorted(summary[name].unique())
            cells[key] = summary[name].map({value: number for number, value in enumerate(values)})
            centres.append(values)
    sums = cells.groupby(["y", "x"])[["n", "hits"]].sum()
    shares = (sums["hits"] / sums["n"]).unstack().reindex(index=range(len(centres[1])), columns=range(len(centres[0])))
    return shares.to_numpy(), centres, pooled, sums["n"]


def edges(centres):
    """The borders of cells with these centres."""
    centres = list(centres)
    if len(centres) == 1:
        return [centres[0] - 0.5, centres[0] + 0.5]
    middles = [(a + b) / 2 for a, b in zip(centres, centres[1:])]
    return [2 * centres[0] - middles[0], *middles, 2 * centres[-1] - middles[-1]]


def label(axis, values, is_pooled):
    """The labelled values: round numbers for pooled points, otherwise the values, or every n-th of many."""
    if is_pooled:
        axis.set_major_locator(matplotlib.ticker.MaxNLocator(6, steps=[1, 2, 2.5, 5, 10]))
        axis.set_major_formatter(matplotlib.ticker.FuncFormatter(lambda value, _: number(value)))
        return
    shown = list(values)[:: math.ceil(len(values) / 8)]
    near = min((b - a for a, b in zip(shown, shown[1:])), default=0) / 100
    # The smallest number of digits that distinguishes neighbouring values.
    digits = next((n for n in range(1, 6) if all(abs(float(f"{one:.{n}g}") - one) <= near for one in shown)), 6)
    axis.set_ticks(shown, [number(float(f"{one:.{digits}g}")) for one in shown])


def draw(cells, centres, pooled, names, outcome, scenario):
    """The cells, with their numbers where these can be read; a cell without runs stays white."""
    figure, axes = plt.subplots(figsize=(6.4, 4.4))
    x, y = centres
    # Cividis rises evenly in lightness for any kind of colour vision.
    mesh = axes.pcolormesh(edges(x), edges(y), cells, cmap="cividis", vmin=0, vmax=1)
    if cells.size <= WRITTEN_CELLS:
        for row, at_y in zip(cells, y):
            for value, at_x in zip(row, x):
                if not math.isnan(value):
                    colour = "#000000" if value > 0.5 else "#ffffff"
                    axes.text(at_x, at_y, f"{100 * value:.0f}", ha="center", va="center", fontsize=7, color=colour)
    for axis, name, values, is_pooled in zip([axes.xaxis, axes.yaxis], names, centres, pooled):
        label(axis, values, is_pooled)
        axis.set_label_text(titled(name, scenario))
    bar = figure.colorbar(mesh, ax=axes, format=matplotlib.ticker.PercentFormatter(1, decimals=0, symbol=" %"))
    bar.outline.set_visible(False)
    bar.set_label(f"share of runs with the outcome {words(outcome)}")
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


def pair(text):
    """NAME,NAME"""
    names = [name.strip() for name in text.split(",")]
    if len(names) != 2 or names[0] == names[1]:
        raise argparse.ArgumentTypeError(f"`{text}` is not NAME,NAME")
    return names


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0], epilog=__doc__.split("\n\n", 1)[1])
    parser.add_argument("folder", type=Path, help="a folder that `backstop sweep … --out` wrote")
    parser.add_argument("--out", type=Path, required=True, metavar="FILE.png", help="the picture to write")
    parser.add_argument("--outcome", metavar="NAME", help="which outcome (default: the one whose share differs most)")
    parser.add_argument("--by", metavar="NAME,NAME", type=pair, default=[], help="the names along x and y")
    at = {"metavar": "NAME=VALUE", "type": setting, "action": "append", "default": []}
    parser.add_argument("--at", help="fixes another name that varies (repeatable)", **at)
    parser.add_argument("--bins", metavar="N", type=count, help="pool the points into N times N cells")
    arguments = parser.parse_args()

    manifest, scenario, summary = read_sweep(arguments.folder)
    names = manifest["design"]["names"]
    outcomes = outcomes_of(summary)
    axes, summary = choose(summary[summary[RUNS] > 0], names, arguments.by, dict(arguments.at))
    if summary.empty:
        fail("no run is done yet at the chosen points")
    others = [name for name in names if name not in axes and summary[name].nunique() > 1]
    if others and not arguments.bins:
        fixes = ", ".join(f"`--at {name}=…` ({values_said(summary[name])})" for name in others)
        fail(f"the sweep varies {', '.join(others)} too", f"fix what varies: {fixes}; or pool the points: `--bins 10`")
    if not arguments.bins and summary[axes[0]].nunique() * summary[axes[1]].nunique() > 4 * len(summary):
        fail("the points form no grid", "pool them: `--bins 10`")
    shares = {name: summary[share] for name, (share, _, _) in outcomes.items()}
    outcome = arguments.outcome or max(shares, key=lambda name: (shares[name].std(ddof=0), shares[name].mean()))
    if outcome not in outcomes:
        fail(f"there is no outcome `{outcome}`", f"there are {', '.join(outcomes)}")
    cells, centres, pooled, runs = table(summary, axes, outcomes[outcome][0], arguments.bins)

    least, most = int(runs.min()), int(runs.max())
    below = [f"{words(one['name'])} = {number(one['value'])}" for one in manifest.get("overrides", [])]
    below += [f"{words(name)} = {number(value)}" for name, value in arguments.at]
    below.append((number(least) if least == most else f"{number(least)} to {number(most)}") + " runs a cell")
    if math.isnan(cells.sum()):
        below.append("white: none")
    plt.rcParams.update(STYLE)
    figure = draw(cells, centres, pooled, axes, outcome, scenario)
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
