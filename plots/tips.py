#!/usr/bin/env python3
# /// script
# requires-python = ">=3.11"
# dependencies = ["pandas>=2.2", "matplotlib>=3.8"]
# ///
"""Tipping points: where along one number the outcome changes, by a second number, or over many replicates.

Reads the CSV that `backstop tip FILE --vary NAME=A:B --csv` prints. With a second `--vary` the tipping points are drawn
over its values; otherwise one line a replicate.
"""

import argparse
import sys
from pathlib import Path

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import pandas as pd

# Okabe and Ito's colours, which people with any kind of colour vision can tell apart, and markers for everyone else.
COLOURS = ["#0072B2", "#D55E00", "#009E73", "#CC79A7", "#56B4E9", "#E69F00", "#000000"]
MARKERS = ["o", "s", "^", "D", "v", "P", "X"]
COLUMNS = ["replicate", "name", "below", "above", "outcome_below", "outcome_above"]


def fail(message, remedy=None):
    """Prints an error and exits."""
    sys.exit(f"error: {message}" + (f"\n  = help: {remedy}" if remedy else ""))


def read_tips(path):
    """The table of tipping points, and the name of the second number, if there is one."""
    remedy = "give the file that `backstop tip … --csv` printed"
    if not path.is_file():
        fail(f"`{path}` is no file", remedy)
    try:
        table = pd.read_csv(path, keep_default_na=False)
    except (OSError, ValueError) as error:
        fail(f"`{path}` cannot be read as a table: {error}", remedy)
    missing = [column for column in COLUMNS if column not in table.columns]
    if missing:
        fail(f"`{path}` has no column `{missing[0]}`", remedy)
    first = table.columns[0]
    other = None if first == "replicate" else first
    for column in ["replicate", "below", "above", *([other] if other else [])]:
        table[column] = numbers_or_dates(table[column])
        if table[column].isna().any():
            fail(f"the column `{column}` of `{path}` has a cell that is no number", remedy)
    if (table["below"].dtype.kind == "M") != (table["above"].dtype.kind == "M"):
        fail(f"the columns `below` and `above` of `{path}` have dates in one and numbers in the other", remedy)
    return table, other


def numbers_or_dates(column):
    """The values of a column: dates if all are dates, otherwise numbers, with gaps where a cell is no number."""
    text = column.astype(str)
    if text.str.fullmatch(r"\d{4}-\d{2}-\d{2}(T[0-9:]+)?").all():
        return pd.to_datetime(text, format="ISO8601", errors="coerce")
    return pd.to_numeric(column, errors="coerce")


def main():
    """Draws the picture."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("table", type=Path, help="the CSV of `backstop tip … --csv`")
    parser.add_argument("--out", type=Path, required=True, help="the picture: .png, .svg or .pdf")
    arguments = parser.parse_args()
    table, other = read_tips(arguments.table)
    if table.empty:
        fail("the table has no tipping point", "search a wider range, or a finer grid with `--points`")
    table["middle"] = table["below"] + (table["above"] - table["below"]) / 2
    over = other or "replicate"
    figure, axes = plt.subplots(figsize=(7, 4), layout="constrained")
    pairs = table.groupby(["outcome_below", "outcome_above"], sort=False)
    for at, ((below, above), rows) in enumerate(pairs):
        axes.scatter(
            rows[over],
            rows["middle"],
            s=18,
            color=COLOURS[at % len(COLOURS)],
            marker=MARKERS[at % len(MARKERS)],
            label=f"{below} below, {above} above",
        )
    axes.set_xlabel(over, parse_math=False)
    axes.set_ylabel(str(table["name"].iloc[0]), parse_math=False)
    axes.grid(axis="y", color="#e4e4e4")
    axes.spines[["top", "right"]].set_visible(False)
    for text in axes.legend(frameon=False, fontsize=8, loc="best").get_texts():
        text.set_parse_math(False)
    figure.savefig(arguments.out, dpi=150)


if __name__ == "__main__":
    main()
