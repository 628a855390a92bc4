"""Scenarios."""

from __future__ import annotations

import csv
import io
import json
import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from . import _core, _values
from ._errors import Diagnostic, diagnostics_of
from ._run import Run
from ._sweep import Progress, Sweep
from ._table import columns_of
from ._values import At, Value


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
        return _restore, self._scenario.parts()


def _restore(name: str, text: bytes, files: dict[str, bytes]) -> Scenario:
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
