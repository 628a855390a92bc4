#!/usr/bin/env python3
# /// script
# requires-python = ">=3.11"
# dependencies = ["pandas>=2.2", "matplotlib>=3.8"]
# ///
"""Trajectories: the metrics of a run over time, or its stances.

Reads series.csv. Of a single run it draws lines; of the runs of a sweep (made with --series) the median and the
ranges that hold half and nine tenths of the runs, as far as all of them go. With --hold a run that has ended keeps its
last value. Failed runs are left out.
"""

import argparse
import json
import math
import re
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

# Okabe and Ito's colours, which people with any kind of colour vision can tell apart.
COLOURS = ["#0072B2", "#D55E00", "#009E73", "#CC79A7", "#56B4E9", "#E69F00", "#000000"]
PANELS = 24
NAMES_SAID = 8
SMALL = 0.2
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


def read_series(folder):
    """series.csv; texts such as `null` are not read as missing values."""
    path = folder / "series.csv"
    if not path.is_file():
        fail(f"`{folder}` has no series.csv", "sweeps write it with `--series`")
    series = pd.read_csv(path, keep_default_na=False, na_values={"date": [""], "value": [""]})
    if series.empty:
        fail(f"`{path}` has no rows", "the scenario declares no metrics, or the run failed before its first step")
    series["value"] = series["value"].astype(float).replace([math.inf, -math.inf], math.nan)
    return series


def words(name):
    """An id with spaces instead of underscores, for display."""
    return name.replace("_", " ")


def number(value):
    """A number as backstop prints it, with digits in groups of three."""
    text = f"{value:,.0f}" if 999_999 < abs(value) < 1e15 else f"{value:,.6g}"
    return text.replace(",", "\u2009")


def when(series):
    """The column of the horizontal axis: dates where there are any."""
    if series["date"].isna().all():
        return series["step"]
    return pd.to_datetime(series["date"])


def label_time(axes, rows):
    """Days (or hours) with the year below the first; without dates, steps."""
    if not pd.api.types.is_datetime64_any_dtype(rows["when"]):
        axes.xaxis.get_major_locator().set_params(integer=True)
        axes.set_xlabel("step")
        return
    days = (rows["when"].max() - rows["when"].min()).days
    axes.xaxis.set_major_locator(mdates.AutoDateLocator(minticks=3, maxticks=5, interval_multiples=days >= 60))
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


def draw(axes, rows, colour, wide=1.6, steps="post"):
    """A line for a single run; a median and two bands for several."""
    style = f"steps-{steps}" if steps else "default"
    if rows["run"].nunique() == 1:
        rows = rows.sort_values("step")
        marker = "o" if len(rows) == 1 else None
        axes.plot(rows["when"], rows["value"], color=colour, linewidth=wide, drawstyle=style, marker=marker)
        return rows["value"]
    levels = rows.groupby("when")["value"].quantile([0.05, 0.25, 0.5, 0.75, 0.95], interpolation="nearest").unstack()
    for low, high in [(0.05, 0.95), (0.25, 0.75)]:
        axes.fill_between(levels.index, levels[low], levels[high], color=colour, alpha=0.2, linewidth=0, step=steps)
    marker = "o" if len(levels) == 1 else None
    axes.plot(levels.index, levels[0.5], color=colour, linewidth=wide, drawstyle=style, marker=marker)
    return levels[0.5]


def fit(axes, rows):
    """The limits of the axis: from 0 if no value is negative, so that a constant does not look noisy; to 1 for shares."""
    low, high = rows["value"].min(), rows["value"].max()
    if not math.isfinite(low) or not math.isfinite(high):
        return
    axes.yaxis.set_major_formatter(matplotlib.ticker.FuncFormatter(lambda value, _: number(value)))
    # Values far below 1, such as a rate, get a scale of their own.
    if low >= 0 and (high == 0 or SMALL <= high <= 1):
        axes.set_ylim(-0.04, 1.04)
        axes.set_yticks([0, 0.5, 1])
    else:
        axes.yaxis.set_major_locator(matplotlib.ticker.MaxNLocator(4, steps=[1, 2, 5, 10]))
        if low >= 0:
            axes.set_ylim(-0.04 * high, 1.08 * high)


def titled(name, scenario):
    """The display name of a metric, with its unit if it is an amount of one resource."""
    expression = scenario.get("metrics", {}).get(name, "")
    amount = re.fullmatch(r"\s*(?:offered|bound|delivered|assured)\(\s*(\w+)[^()]*\)\s*", expression)
    unit = scenario.get("resources", {}).get(amount[1], {}).get("unit") if amount else None
    return words(name) + (f" ({unit})" if unit else "")


def metrics(series, scenario, only):
    """A panel for each metric."""
    series = series[~series["name"].str.contains("/")]
    names = list(dict.fromkeys(series["name"]))
    for name in only or []:
        if name not in names:
            fail(f"there is no metric `{name}`", f"there are {', '.join(names) or 'none'}")
    names = only or names
    if not names:
        fail("the folder has no metrics", "declare some under `[metrics]`, or draw `--stances`")
    if len(names) > PANELS:
        fail(f"{len(names)} metrics are too many for one picture", "choose some: `--only NAME,NAME`")
    columns = {1: 1, 2: 2, 4: 2}.get(len(names), 3)
    rows = math.ceil(len(names) / columns)
    size = (max(3.0 * columns, 6), 0.9 + 1.5 * rows if rows > 1 else 3)
    figure, grid = plt.subplots(rows, columns, figsize=size, squeeze=False, sharex=True)
    for position, axes in enumerate(grid.flat):
        if position >= len(names):
            axes.set_visible(False)
            # The panel above is the last of its column.
            grid.flat[position - columns].tick_params(labelbottom=True)
            continue
        chosen = series[series["name"] == names[position]]
        draw(axes, chosen, COLOURS[0])
        fit(axes, chosen)
        axes.set_title(textwrap.fill(titled(names[position], scenario), 36))
        label_time(axes, series)
        if position + columns < len(names):
            axes.set_xlabel("")
    return figure


def spread(values, gap, low, high):
    """Positions for labels at these values that keep a distance from each other."""
    order = sorted(range(len(values)), key=lambda at: values[at])
    places = [values[at] for at in order]
    for _ in range(200):
        for at in range(1, len(places)):
            overlap = gap - (places[at] - places[at - 1])
            if overlap > 0:
                places[at - 1] -= overlap / 2
                places[at] += overlap / 2
        places = [min(max(place, low), high) for place in places]
    result = [0.0] * len(values)
    for place, at in zip(places, order):
        result[at] = place
    return result


def stances(series, scenario, only):
    """A panel for each issue, a line for each actor; the lines of a cohort's members are grey."""
    series = series[series["name"].str.startswith("stance/")]
    if series.empty:
        fail("series.csv has no stances", "make the folder with `backstop run … --stances --out DIR`")
    parts = series["name"].str.split("/", expand=True)
    series = series.assign(actor=parts[1], issue=parts[2])
    actors = list(dict.fromkeys(series["actor"]))
    for name in only or []:
        if name not in actors:
            fail(f"there is no actor `{name}`", f"there are {', '.join(actors)}")
    cohorts = {
        f"{cohort}_{number}": cohort
        for cohort, table in scenario.get("cohorts", {}).items()
        for number in range(1, int(table.get("size", 0)) + 1)
    }
    actors = only or actors
    single = [actor for actor in actors if only or actor not in cohorts]
    named = {**scenario.get("actors", {}), **scenario.get("cohorts", {})}
    issues = list(dict.fromkeys(series["issue"]))
    height = max(3.2, 0.17 * (len(single) + len(set(cohorts.values()))) + 1)
    figure, grid = plt.subplots(1, len(issues), figsize=(1.2 + 4.4 * len(issues), height), squeeze=False, sharey=True)
    for axes, issue in zip(grid.flat, issues):
        here = series[series["issue"] == issue]
        ends = []
        for cohort in dict.fromkeys(cohorts[actor] for actor in actors if actor in cohorts and not only):
            members = [actor for actor in actors if cohorts.get(actor) == cohort]
            last = [draw(axes, here[here["actor"] == member], "#b8b8b8", 0.7, None).iloc[-1] for member in members]
            name = named.get(cohort, {}).get("name", words(cohort))
            ends.append((sum(last) / len(last), f"{name} ({len(members)})", "#808080"))
        for position, actor in enumerate(single):
            colour = COLOURS[position % len(COLOURS)]
            line = draw(axes, here[here["actor"] == actor], colour, steps=None)
            if position >= len(COLOURS):
                axes.lines[-1].set_linestyle("--")
            ends.append((line.iloc[-1], named.get(actor, {}).get("name", words(actor)), colour))
        lead = {"arrowstyle": "-", "linewidth": 0.5, "relpos": (0, 0.5), "shrinkA": 1, "shrinkB": 0}
        places = spread([end for end, _, _ in ends], 0.155 / (height - 0.9), 0, 1)
        for place, (end, name, colour) in zip(places, ends):
            axes.annotate(
                name,
                (1, end),
                (1.05, place),
                xycoords=("axes fraction", "data"),
                textcoords=("axes fraction", "data"),
                color=colour,
                va="center",
                fontsize=8,
                arrowprops=lead | {"color": colour},
                annotation_clip=False,
            )
        axes.set_ylim(-0.02, 1.02)
        axes.yaxis.set_major_formatter(matplotlib.ticker.FuncFormatter(lambda value, _: number(value)))
        axes.margins(x=0)
        axes.set_title("stance" if issue == "main" else f"stance on {words(issue)}")
        label_time(axes, series)
    grid.flat[0].set_ylabel("0 against … 1 for")
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


def whole(series, folder):
    """The rows of runs that did not fail, and the number of those that did."""
    if not (folder / "runs.csv").is_file():
        return series, 0
    runs = pd.read_csv(folder / "runs.csv", dtype={"status": str}, keep_default_na=False)
    failed = runs.loc[(runs["status"] != "ok") & runs["run"].isin(series["run"]), "run"]
    return series[~series["run"].isin(failed)], len(failed)


def together(series, hold):
    """The rows up to the last step that every run has, or with ended runs continued by their last value; and a note."""
    last = series.groupby("run")["step"].max()
    if last.min() == last.max():
        return series, ""
    if not hold:
        until = int(last.min())
        return series[series["step"] <= until], f", up to step {until}, where the first of them ends"
    table = series.pivot(index="step", columns=["run", "name"], values="value")
    # A value that is missing in the middle of a run stays missing.
    ended = pd.DataFrame({column: table.index > last[column[0]] for column in table}, index=table.index)
    held = table.where(~ended, table.ffill()).stack(["run", "name"], future_stack=True).rename("value").reset_index()
    dates = series.drop_duplicates("step").set_index("step")["date"]
    return held.assign(date=held["step"].map(dates)), "; those that have ended keep their last value"


def ending(folder, manifest, calendar):
    """The subtitle of a run: its options and its outcome."""
    parts = circumstances(manifest, calendar)
    runs = folder / "runs.csv"
    if runs.is_file():
        run = pd.read_csv(runs, dtype=str, keep_default_na=False).iloc[0]
        reached = f", reached {moment(run['reached_step'], calendar)}" if run["reached_step"] else ""
        parts.append(f"outcome: {words(run['outcome'])}{reached}" if run["outcome"] else f"failed: {run['status']}")
    return "; ".join(parts)


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
    parser.add_argument("folder", type=Path, help="a folder of `backstop run … --out` or `sweep … --series --out`")
    parser.add_argument("--out", type=Path, required=True, metavar="FILE.png", help="the picture to write")
    parser.add_argument("--stances", action="store_true", help="draw the stances instead of the metrics")
    names = {"metavar": "NAME,…", "type": lambda text: text.split(",")}
    parser.add_argument("--only", help="these metrics (or actors) only", **names)
    parser.add_argument("--point", type=int, metavar="N", help="of a sweep, the runs at this point only")
    parser.add_argument("--hold", action="store_true", help="of a sweep, let ended runs keep their last value")
    arguments = parser.parse_args()

    manifest, scenario = read_manifest(arguments.folder)
    series = read_series(arguments.folder)
    title = scenario.get("title", manifest["scenario"])
    below = ending(arguments.folder, manifest, calendar_of(series))
    if manifest.get("design") is not None:
        points = manifest["design"]["points"]
        if arguments.point is not None:
            if not 0 <= arguments.point < points:
                fail(f"the sweep has no point {arguments.point}", f"its points are 0 to {points - 1}; see design.csv")
            # Runs go replicate by replicate over all points.
            series = series[series["run"] % points == arguments.point]
        series, failed = whole(series, arguments.folder)
        runs = series["run"].nunique()
        series, until = together(series, arguments.hold) if runs else (series, "")
        said = point_said(arguments.folder, arguments.point) if arguments.point is not None else []
        where = ", ".join([*settings(manifest.get("overrides", [])), *said])
        where += ": " if where else ""
        over = f" at all {number(points)} points" if arguments.point is None and points > 1 else ""
        below = f"{where}median of {number(runs)} runs{over}{until}; half and nine tenths of them lie in the bands"
        if failed:
            below += f"; {number(failed)} failed runs are left out"
    elif arguments.point is not None or arguments.hold:
        fail("`--point` and `--hold` are for a sweep", "this is the folder of a single run")
    if series.empty:
        fail("there is nothing to draw", "no run of this point is in series.csv")
    series = series.assign(when=when(series))
    plt.rcParams.update(STYLE)
    figure = (stances if arguments.stances else metrics)(series, scenario, arguments.only)
    head(figure, title, below)
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
