"""Sweeps, and their progress in a terminal or a notebook."""

from __future__ import annotations

import importlib
import os
import sys
import time
from collections.abc import Callable, Iterable
from types import TracebackType
from typing import TYPE_CHECKING, Any

from . import _core
from ._table import Table

if TYPE_CHECKING:
    from ._run import Run
    from ._scenario import Scenario

_EVERY = 0.1
"""Seconds between two updates of the progress."""


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
        return _restore(scenario, tables)

    @classmethod
    def open(cls, folder: str | os.PathLike[str]) -> Sweep:
        """Reads the folder of a finished sweep, and checks it against its manifest.

        Raises:
            FolderError, SweepError: if it is not finished, or was changed.
        """
        from ._scenario import Scenario

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
        return _restore, (self.scenario, self._swept)


def _restore(scenario: Scenario, swept: dict[str, Any]) -> Sweep:
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
