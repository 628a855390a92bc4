"""Runs and their analysis."""

from __future__ import annotations

import html
import json
import os
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Literal

from . import _core, _values
from ._errors import FolderError
from ._table import Table
from ._values import At, Value


class _Described(Mapping[str, Any]):
    """Data with a text for people, which `str` returns."""

    __slots__ = ("_data", "text")
    text: str

    def __init__(self, text: str, data: dict[str, Any]) -> None:
        self.text = text
        self._data = data

    def __getitem__(self, name: str) -> Any:
        return self._data[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._data)

    def __len__(self) -> int:
        return len(self._data)

    def __str__(self) -> str:
        return self.text

    def __repr__(self) -> str:
        return f"<{type(self).__name__}: {', '.join(self._data)}>"

    def _repr_pretty_(self, printer: Any, cycle: bool) -> None:
        printer.text(self.text)

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.text, self._data)


class State(_Described):
    """A state of a run: `step`, `date`, `stances`, `commitments`, and the values of `trust` that are not 1."""

    __slots__ = ()


class Explanation(_Described):
    """The explanation of a state, with the keys of `backstop explain --json`: `gap`, `waits`, `circles`, `blocked`, `unlock` and
    others."""

    __slots__ = ()


class Difference(str):
    """The difference between two runs, as `backstop diff` prints it; false if they are the same."""

    __slots__ = ()

    def __bool__(self) -> bool:
        return not self.startswith("no difference")

    def _repr_pretty_(self, printer: Any, cycle: bool) -> None:
        printer.text(str(self))


class Run:
    """A finished run. `str` is the text that `backstop run` prints, and a notebook shows its page.

    >>> import backstop
    >>> run = backstop.Scenario.from_text("format = 1\\n[time]\\nsteps = 2\\n[actors.us]").run(seed=7)
    >>> run.outcome, run.steps, run.seed
    ('stalemate', 2, 7)
    """

    __slots__ = ("_facts", "_run")
    _run: _core.Run
    _facts: dict[str, Any]

    def __init__(self) -> None:
        raise TypeError("a run comes from `Scenario.run`, `Run.fork` or `Run.open`")

    @classmethod
    def _of(cls, run: _core.Run) -> Run:
        self = cls.__new__(cls)
        self._run = run
        self._facts = json.loads(run.facts)
        return self

    @classmethod
    def open(cls, folder: str | os.PathLike[str]) -> Run:
        """Reads and verifies the folder of a run, written by `save` or by the command line.

        Raises:
            FolderError: if its files do not agree with its log.
        """
        return cls._of(_core.Run.open(folder))

    def save(
        self,
        folder: str | os.PathLike[str],
        *,
        force: bool = False,
        format: Literal["csv", "parquet"] | None = None,
    ) -> None:
        """Writes the same folder as `backstop run --out`, byte for byte; `force` replaces the files of an earlier run.

        With `format="parquet"` a typed file is written beside each table. By default the format is that of the folder from
        which the run was opened, if any.

        Raises:
            FolderError: if the folder cannot be written.
        """
        self._run.save(folder, force, format)

    @property
    def outcome(self) -> str | None:
        """The outcome in which it ended, `deadlock` or `stalemate`; `None` if it failed."""
        outcome: str | None = self._facts["outcome"]
        return outcome

    @property
    def status(self) -> str:
        """`ok`, or the reason why it failed."""
        return str(self._facts["status"])

    @property
    def title(self) -> str:
        """The title of its scenario."""
        return str(self._facts["title"])

    @property
    def steps(self) -> int:
        """The number of completed steps."""
        return int(self._facts["steps"])

    @property
    def reached_step(self) -> int | None:
        """The step at which its outcome was first reached; `None` for a deadlock or a stalemate."""
        step: int | None = self._facts["reached_step"]
        return step

    @property
    def gap(self) -> int | None:
        """The number of promises that would all bind if they bound together, after the last exchange."""
        gap: int | None = self._facts["gap"]
        return gap

    @property
    def seed(self) -> int:
        """Its seed."""
        return int(self._facts["seed"])

    @property
    def replicate(self) -> int:
        """Its replicate."""
        return int(self._facts["replicate"])

    @property
    def history_hash(self) -> str:
        """The hash of its history: two runs with the same hash had the same events."""
        return str(self._facts["history_hash"])

    @property
    def metrics(self) -> dict[str, float | None]:
        """The last value of each metric."""
        return dict(self._facts["metrics"])

    @property
    def manifest(self) -> dict[str, Any]:
        """The manifest of its folder."""
        manifest: dict[str, Any] = json.loads(self._run.manifest)
        return manifest

    @property
    def events(self) -> Table:
        """Its events, each with its step and its cause: the table `events.csv`."""
        return self._table("events")

    @property
    def series(self) -> Table:
        """Its metrics by step: the table `series.csv`."""
        return self._table("series")

    @property
    def commitments(self) -> Table:
        """Its commitments with their final states: the table `commitments.csv`."""
        return self._table("commitments")

    @property
    def runs(self) -> Table:
        """Its row of the table `runs.csv`."""
        return self._table("runs")

    def _table(self, name: str) -> Table:
        return Table._of(self._run.table(name))  # pyright: ignore[reportPrivateUsage]

    def state(self, at: At) -> State:
        """The state at the end of a step, given by its number or by a date in it.

        >>> import backstop
        >>> run = backstop.Scenario.from_text("format = 1\\n[time]\\nsteps = 2\\n[actors.us]\\nstance = 0.5").run()
        >>> print(run.state(at=0))
        The state at the end of step 0
        <BLANKLINE>
        Stances
          us                       0.5
        <BLANKLINE>
        Commitments
        <BLANKLINE>
        """
        text, data = self._run.state(_values.text(at))
        return State(text, json.loads(data))

    def explain(
        self,
        at: At | None = None,
        *,
        goal: str | None = None,
        cost: str = "moves",
        any: bool = False,
        exclude: Iterable[str] = (),
        summit: bool = False,
        keystones: bool = False,
    ) -> Explanation:
        """Explains a state, as `backstop explain` does: who waits for whom, and which first moves would resolve the deadlock.

        Args:
            at: the step after whose last exchange the state is explained; the last one unless it is given.
            goal: an outcome to reach, instead of binding everything that is deadlocked.
            cost: what a set of first moves costs: `"moves"`, `"declared"`, `"distance"`, or the amount of a resource.
            any: whether commitments that are not on offer count as moves.
            exclude: commitments that are not considered as first moves (`--not`).
            summit: also the smallest sets of actors whose package reaches the goal.
            keystones: also the commitments of others that each actor's exit would suspend.
        """
        step = None if at is None else _values.text(at)
        text, data = self._run.explain(step, goal, cost, list(exclude), (any, summit, keystones))
        return Explanation(text, json.loads(data))

    def why(self, event: int | str) -> str:
        """Describes what led to an event, given by its `seq` or by a name: what bound a commitment, what reached an
        outcome or stood in its way, or what an actor did.

        Raises:
            ArgumentError: if there is no such event or name.
        """
        return self._run.why(str(event))

    def fork(
        self,
        at: At,
        *,
        set: Mapping[str, Value] | None = None,
        moves: Iterable[str] = (),
        replicate: int | None = None,
    ) -> Run:
        """Continues the run from one of its steps with other values and the same random numbers, as `backstop fork` does.

        Args:
            at: the first step of the fork.
            set: the values that are set from that step on.
            moves: commitments that are bound at that step regardless of their conditions.
            replicate: the replicate whose random numbers are used from that step on, instead of its own.
        """
        moves_then = _values.moves(moves, at_once=True)
        forked = self._run.fork(_values.text(at), _values.sets(set), moves_then, replicate)
        return Run._of(forked)

    def diff(self, other: Run) -> Difference:
        """Where this run and another one diverge, and what followed."""
        return Difference(self._run.diff(other._run))

    def page(self) -> str:
        """The page of `backstop page`: one HTML file that shows the run and needs no network.

        Raises:
            FolderError: if it is larger than a page can show.
        """
        return page(self)

    def __str__(self) -> str:
        return self._run.text()

    def __repr__(self) -> str:
        ended = self.outcome if self.outcome is not None else f"failed: {self.status}"
        return f"<backstop.Run {ended}, {self.steps} steps, seed {self.seed}>"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Run) and self._run.manifest == other._run.manifest

    def __hash__(self) -> int:
        return hash(self._run.manifest)

    def _repr_html_(self) -> str:
        try:
            shown = self.page()
        except FolderError:
            return f"<pre>{html.escape(str(self))}</pre>"
        style = "width: 100%; height: 640px; border: 1px solid #8888"
        return f'<iframe srcdoc="{html.escape(shown)}" style="{style}"></iframe>'

    def __reduce__(self) -> tuple[Any, ...]:
        return _restore, self._run.parts()


def _restore(manifest: str, files: dict[str, bytes]) -> Run:
    return Run._of(_core.Run.of_parts(manifest, files))  # pyright: ignore[reportPrivateUsage]


def page(*runs: Run) -> str:
    """The page of a run, or of two runs side by side, as one HTML file.

    Raises:
        FolderError: if the runs are of different scenarios, or too large.
    """
    if not 1 <= len(runs) <= 2:
        raise TypeError("a page shows one run, or two side by side")
    with tempfile.TemporaryDirectory(prefix="backstop-") as folder:
        folders: list[str | os.PathLike[str]] = []
        for number, run in enumerate(runs, 1):
            folders.append(os.path.join(folder, "run" if len(runs) == 1 else f"run{number}"))
            run.save(folders[-1])
        return _core.page(folders, str(runs[0]) if len(runs) == 1 else None)
