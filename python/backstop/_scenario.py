"""Scenarios, their sweeps, and the progress of these in a terminal or a notebook."""

from __future__ import annotations

import csv
import importlib
import io
import json
import os
import sys
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Literal

from . import _core, _values
from ._errors import Diagnostic, diagnostics_of
from ._run import Run
from ._table import Table, columns_of
from ._values import At, Value

_EVERY = 0.1
"""Seconds between two updates of the progress."""


@dataclass(frozen=True)
class Parameter:
    """A named number of a scenario, which can be set and varied."""

    name: str
    value: float | None
    """Its value; `None` if it is drawn in each run."""
    range: tuple[float, float] | None
    """The range from which it is sampled."""
    whole: bool
    """Whether only whole numbers are sampled."""
    drawn: bool
    """Whether it is drawn from a distribution unless it is set or varied."""
    unit: str | None
    note: str | None


class Scenario:
    """A scenario file, with the files that it refers to.

    >>> import backstop
    >>> scenario = backstop.Scenario.from_text("format = 1\\n[time]\\nsteps = 2\\n[actors.us]\\nstance = 0.5")
    >>> scenario.check()
    []
    >>> scenario.run(set={"actors.us.stance": 0.25}).state(at=1)["stances"]
    {'us': {'main': 0.25}}
    """

    __slots__ = ("_facts", "_scenario")
    _scenario: _core.Scenario
    _facts: dict[str, Any] | None

    def __init__(self, path: str | os.PathLike[str]) -> None:
        """Reads a scenario file, and the files to which it refers.

        Errors in these files are returned by `check`; other methods raise them as `ScenarioError`.

        Raises:
            OSError: if the file cannot be read.
        """
        self._scenario = _core.Scenario.open(path)
        self._facts = None

    @classmethod
    def from_text(
        cls, text: str, *, files: Mapping[str, str | bytes] | None = None, name: str = "scenario.toml"
    ) -> Scenario:
        """Creates a scenario from a text; `files` maps the paths to which it refers to their contents.

        >>> import backstop
        >>> scenario = backstop.Scenario.from_text("format = 1\\nextends = 'base.toml'\\ntitle = 'Another'",
        ...     files={"base.toml": "format = 1\\n[time]\\nsteps = 1\\n[actors.us]"})
        >>> scenario.title, scenario.actors
        ('Another', ['us'])
        """
        bytes_of = {path: one.encode() if isinstance(one, str) else one for path, one in (files or {}).items()}
        return cls._of(_core.Scenario.of_parts(name, text.encode(), bytes_of))

    @classmethod
    def _of(cls, scenario: _core.Scenario) -> Scenario:
        self = cls.__new__(cls)
        self._scenario = scenario
        self._facts = None
        return self

    def check(self) -> list[Diagnostic]:
        """Returns all errors and warnings of the scenario, without raising them.

        >>> import backstop
        >>> [found] = backstop.Scenario.from_text("format = 1\\n[time]\\nstep = 3\\n[actors.us]").check()[:1]
        >>> found.line, found.column, found.code
        (2, 2, 'schema/missing-key')
        """
        return diagnostics_of(self._scenario.check())

    def _fact(self, name: str) -> Any:
        facts: dict[str, Any] = self._facts or json.loads(self._scenario.facts())
        self._facts = facts
        return facts[name]

    @property
    def name(self) -> str:
        """Its path, or the name given to `from_text`."""
        return self._scenario.name

    @property
    def title(self) -> str:
        """Its title."""
        return str(self._fact("title"))

    @property
    def about(self) -> str:
        """Its description."""
        return str(self._fact("about"))

    @property
    def steps(self) -> int:
        """The number of steps of a run."""
        return int(self._fact("steps"))

    @property
    def actors(self) -> list[str]:
        """Its actors."""
        return list(self._fact("actors"))

    @property
    def commitments(self) -> list[str]:
        """Its commitments; instances have names of their own."""
        return list(self._fact("commitments"))

    @property
    def outcomes(self) -> list[str]:
        """The outcomes that it declares, besides `deadlock` and `stalemate`."""
        return list(self._fact("outcomes"))

    @property
    def metrics(self) -> list[str]:
        """The metrics that it declares."""
        return list(self._fact("metrics"))

    @property
    def parameters(self) -> dict[str, Parameter]:
        """Its parameters by name."""
        found: list[dict[str, Any]] = self._fact("parameters")
        ranges = ((one, None if one["range"] is None else tuple(one["range"])) for one in found)
        return {one["name"]: Parameter(**{**one, "range": both}) for one, both in ranges}

    def run(
        self,
        *,
        seed: int = 0,
        replicate: int = 0,
        set: Mapping[str, Value] | None = None,
        moves: Iterable[str | tuple[str, At]] = (),
        stances: bool = False,
        trust: bool = False,
    ) -> Run:
        """Runs the scenario once, as `backstop run` does.

        Args:
            seed: the seed of everything random.
            replicate: selects other random numbers of the same seed, as in a sweep.
            set: parameters, or any numbers of the file by their dotted paths, with their values.
            moves: commitments that are bound at a step, whether or not their conditions hold: `"us_backstop@3"`,
                `"aid=10@2025-03-12"`, or `("us_backstop", 3)`.
            stances: whether `series` has every stance of every step.
            trust: whether `series` has every pair's trust at every step.

        Raises:
            ScenarioError: if the scenario is not valid, by itself or with the values that are set.
            RunError: if the run fails; its attribute `run` is the run up to the failure.
        """
        run = self._scenario.run((seed, replicate), _values.sets(set), _values.moves(moves), (stances, trust))
        return Run._of(run)  # pyright: ignore[reportPrivateUsage]

    def sweep(
        self,
        *,
        vary: Mapping[str, str | Sequence[Value]] | None = None,
        zip: bool = False,
        sample: str | None = None,
        over: Sequence[str] = (),
        design: Any = None,
        set: Mapping[str, Value] | None = None,
        replicates: int | None = None,
        seed: int | None = None,
        independent: bool = False,
        jobs: int | None = None,
        events: bool = False,
        series: bool = False,
        sort: Literal["run", "point"] = "run",
        format: Literal["csv", "parquet"] = "csv",
        shard: str | None = None,
        out: str | os.PathLike[str] | None = None,
        force: bool = False,
        resume: bool = False,
        progress: bool | Callable[[int, int], None] | None = None,
    ) -> Sweep:
        """Runs the scenario many times over a design of points, as `backstop sweep` does, on all cores.

        The tables are kept in memory. With `out` they are written into a folder first, the same, byte for byte, as that of
        the command line; `resume` continues it after an interruption.

        Args:
            vary: names, each with its values: a list, or a text such as `"0:1:11"` or `"1:100:5:log"`. Several form
                their product.
            zip: whether their values are combined one by one instead.
            sample: a sample of the parameters that declare a range: `"lhs:1000"`, `"sobol:1024"`, `"random:100"`.
            over: the parameters to sample, instead of all of them.
            design: the points themselves: a data frame of pandas or polars, a mapping of names to values, or the path of
                a CSV file.
            set: values that are set at every point.
            replicates: runs at each point; 1 unless the scenario's `[sweep]` table says otherwise.
            seed: the seed of everything random.
            independent: whether every run has its own random numbers.
            jobs: threads; the results do not depend on it.
            events: whether the events of all runs are kept.
            series: whether the metrics of every step of all runs are kept.
            sort: the order of the rows of `runs` in a folder: by run, or by point.
            format: `"parquet"` writes a typed file beside each table of the folder; CSV is always written.
            shard: `"2/8"` runs the second of eight parts of the sweep; `merge` joins the parts. Needs `out`.
            out: the folder to write.
            force: whether a folder that an earlier sweep wrote is replaced.
            resume: whether an unfinished sweep in the folder is continued.
            progress: whether progress is shown; by default in a notebook, or if standard error is a terminal. A
                function is called with the number of finished runs and the number of all runs.

        Raises:
            ScenarioError: if the scenario is not valid.
            SweepError: if the design or a point is not valid, or the folder cannot be used.

        >>> import backstop
        >>> scenario = backstop.Scenario.from_text(
        ...     "format = 1\\n[time]\\nsteps = 1\\n[parameters]\\nx = 1\\n[actors.us]\\n[outcomes.high]\\nwhen = 'x > 0.5'")
        >>> sweep = scenario.sweep(vary={"x": "0:1:3"})
        >>> list(sweep.runs.to_dict()["outcome"])
        ['stalemate', 'stalemate', 'high']
        """
        if shard is not None and out is None:
            raise TypeError("`shard` needs `out`: a part is merged from its folder")
        how: _core.How = {
            "sets": _values.sets(set),
            "replicates": replicates,
            "seed": seed,
            "independent": independent,
            "jobs": jobs,
            "events": events,
            "series": series,
            "by_point": _by_point(sort),
            "format": format,
            "shard": shard,
            "out": out,
            "force": force,
            "resume": resume,
        }
        varied, sampled = (_values.vary(vary), zip), (sample, list(over))
        with Progress(progress) as watch:
            swept = _core.sweep(self._scenario, varied, sampled, _listed(design), how, watch)
        return Sweep._of(self, swept)  # pyright: ignore[reportPrivateUsage]

    def __repr__(self) -> str:
        return f"<backstop.Scenario {self.name}>"

    def __reduce__(self) -> tuple[Any, ...]:
        return _restore_scenario, self._scenario.parts()


def _restore_scenario(name: str, text: bytes, files: dict[str, bytes]) -> Scenario:
    return Scenario._of(_core.Scenario.of_parts(name, text, files))  # pyright: ignore[reportPrivateUsage]


def _by_point(sort: str) -> bool:
    if sort not in ("run", "point"):
        raise ValueError(f"`sort` is 'run' or 'point', not {sort!r}")
    return sort == "point"


def _listed(design: Any) -> tuple[str, bytes] | None:
    """The design as the name and bytes of a CSV file."""
    if design is None:
        return None
    if isinstance(design, str | os.PathLike):
        path = os.fspath(design)  # pyright: ignore[reportUnknownVariableType]
        with open(path, "rb") as file:
            return str(path), file.read()
    columns = columns_of(design)
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows([_values.text(value) for value in row] for row in zip(*columns.values(), strict=True))
    return "design", out.getvalue().encode()


class Sweep:
    """The runs of a sweep. `str` returns the table that `backstop sweep` prints: the outcomes of the runs at each point."""

    __slots__ = ("_swept", "scenario")
    scenario: Scenario
    """The scenario that was run."""
    _swept: dict[str, Any]

    def __init__(self) -> None:
        raise TypeError("a sweep comes from `Scenario.sweep` or `Sweep.open`")

    @classmethod
    def _of(cls, scenario: Scenario, swept: _core.Swept) -> Sweep:
        tables = {name: Table._of(one) if isinstance(one, _core.Table) else one  # pyright: ignore[reportPrivateUsage]
                  for name, one in swept.items()}
        return _restore_sweep(scenario, tables)

    @classmethod
    def open(cls, folder: str | os.PathLike[str]) -> Sweep:
        """Reads the folder of a finished sweep, and checks it against its manifest.

        Raises:
            FolderError, SweepError: if it is not finished, or was changed.
        """
        swept, scenario = _core.open_sweep(folder)
        return cls._of(Scenario._of(scenario), swept)  # pyright: ignore[reportPrivateUsage]

    @property
    def runs(self) -> Table:
        """A row for each run: point, replicate, set and varied values, outcome, metrics: the table `runs.csv`."""
        return self._swept["runs"]  # type: ignore[no-any-return]

    @property
    def summary(self) -> Table:
        """A row for each point: shares of outcomes with their intervals, means and ranges: the table `summary.csv`."""
        return self._swept["summary"]  # type: ignore[no-any-return]

    @property
    def design(self) -> Table:
        """A row for each point with the varied values: the table `design.csv`."""
        return self._swept["design"]  # type: ignore[no-any-return]

    @property
    def events(self) -> Table | None:
        """The events of all runs; `None` unless they were requested."""
        return self._swept["events"]  # type: ignore[no-any-return]

    @property
    def series(self) -> Table | None:
        """The metrics of every step of all runs; `None` unless they were requested."""
        return self._swept["series"]  # type: ignore[no-any-return]

    @property
    def failed(self) -> int:
        """The number of failed runs; `status` in `runs` gives the reasons."""
        return int(self._swept["failed"])

    def run(self, number: int) -> Run:
        """Repeats a run of the sweep, with the same parameters and random numbers, to inspect it.

        Raises:
            IndexError: if there is no such run.
        """
        table = self.runs._table  # pyright: ignore[reportPrivateUsage]
        numbers = table.values("run", number, 1)
        at = number if numbers == [number] else next((i for i, one in enumerate(self.runs["run"]) if one == number), -1)
        if at < 0 or number < 0:
            raise IndexError(f"the sweep has no run {number}")
        row = {name: table.values(name, at, 1)[0] for name in self.runs.column_names}
        names = self.runs.column_names
        given = {name: row[name] for name in names[4 : names.index("status")]}
        return self.scenario.run(seed=row["seed"], replicate=row["replicate"], set=given)

    def __len__(self) -> int:
        return len(self.runs)

    def __str__(self) -> str:
        return str(self._swept["text"])

    def __repr__(self) -> str:
        return f"<backstop.Sweep of {len(self)} runs at {len(self.design)} points>"

    def _repr_html_(self) -> str:
        return self.summary._repr_html_()  # pyright: ignore[reportPrivateUsage]

    def __reduce__(self) -> tuple[Any, ...]:
        return _restore_sweep, (self.scenario, self._swept)


def _restore_sweep(scenario: Scenario, swept: dict[str, Any]) -> Sweep:
    sweep = Sweep.__new__(Sweep)
    sweep.scenario = scenario
    sweep._swept = swept  # pyright: ignore[reportPrivateUsage]
    return sweep


def merge(
    folders: Iterable[str | os.PathLike[str]],
    out: str | os.PathLike[str],
    *,
    force: bool = False,
    progress: bool | Callable[[int, int], None] | None = None,
) -> Sweep:
    """Merges the parts of a divided sweep into a folder, with the same bytes as those of the undivided sweep.

    Args:
        folders: the folders of all parts, in any order.
        out: the folder to write.
        force: whether a folder that an earlier sweep wrote is replaced.
        progress: as in `Scenario.sweep`.

    Raises:
        SweepError: if a part is missing, not complete, changed, or of another sweep.
    """
    with Progress(progress) as watch:
        _core.merge(list(folders), out, force, watch)
    return Sweep.open(out)


class Progress:
    """Shows the progress of a sweep; entering it returns the function to call, or `None` if nothing is shown."""

    def __init__(self, wanted: bool | Callable[[int, int], None] | None) -> None:
        self._call = wanted if callable(wanted) else None
        self._handle: Any = None
        self._text = False
        self._last = self._began = time.monotonic()
        if self._call is None and wanted is not False:
            if _in_notebook():
                shown: Any = importlib.import_module("IPython.display")
                self._html: Any = shown.HTML
                self._handle = shown.display(shown.HTML(""), display_id=True)
            else:
                self._text = bool(wanted) or sys.stderr.isatty()

    def __enter__(self) -> Callable[[int, int], None] | None:
        if self._call is None and self._handle is None and not self._text:
            return None
        return self._show

    def _show(self, done: int, total: int) -> None:
        now = time.monotonic()
        if now - self._last < _EVERY and done < total:
            return
        self._last = now
        if self._call is not None:
            self._call(done, total)
            return
        rate = done / max(now - self._began, 1e-9)
        said = f"{done:,} of {total:,} runs, {rate:,.0f} a second".replace(",", " ")
        if self._handle is not None:
            bar = f"<progress value={done} max={max(total, 1)}></progress> {said}"
            self._handle.update(self._html(bar))
        else:
            print(f"\r{said}\033[K", end="", file=sys.stderr, flush=True)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._handle is not None:
            self._handle.update(self._html(""))
        elif self._text:
            print("\r\033[K", end="", file=sys.stderr, flush=True)


def _in_notebook() -> bool:
    """Whether this is a notebook: `IPython` has been imported and its shell talks to a browser."""
    ipython: Any = sys.modules.get("IPython")
    shell = None if ipython is None else ipython.get_ipython()
    return shell is not None and type(shell).__name__ == "ZMQInteractiveShell"
