"""What is wrong: diagnostics, and the exceptions that carry them."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ._run import Run


@dataclass(frozen=True)
class Diagnostic:
    """One thing that is wrong with a scenario, its place and the remedy.

    Lines and columns count from 1, columns in characters. What is about no place has none.
    """

    severity: str
    """`error`, or `warning` for what is legal but surely not meant."""
    code: str
    """Stage and kind, such as `names/unknown`."""
    message: str
    """What is wrong."""
    help: str | None = None
    """The remedy."""
    file: str | None = None
    """The file, the scenario's own or one that it refers to."""
    line: int | None = None
    column: int | None = None
    end_line: int | None = None
    end_column: int | None = None
    label: str | None = None
    """A few words for the place."""
    notes: tuple[str, ...] = ()
    """Further remarks."""

    def __str__(self) -> str:
        place = "" if self.line is None else f"{self.file}:{self.line}:{self.column}: "
        remedy = "" if self.help is None else f"\n  help: {self.help}"
        return f"{place}{self.severity}[{self.code}]: {self.message}{remedy}"


def diagnostics_of(text: str) -> list[Diagnostic]:
    """The diagnostics that the engine gives as JSON."""

    def one(view: dict[str, Any]) -> Diagnostic:
        notes = tuple(str(note["message"]) for note in view.get("notes", []))
        known: dict[str, Any] = {name: view.get(name) for name in Diagnostic.__dataclass_fields__ if name != "notes"}
        return Diagnostic(**known, notes=notes)

    return [one(view) for view in json.loads(text)]


class Error(Exception):
    """Anything that `backstop` refuses or that fails: a message that stands alone, a remedy, diagnostics.

    `str` of it has all three.
    """

    message: str
    """What is wrong."""
    help: str | None
    """What to do about it, where there is a remedy."""
    diagnostics: list[Diagnostic]
    """What is wrong with the scenario, each with its place, where that is why."""

    def __init__(self, message: str, help: str | None = None, diagnostics: list[Diagnostic] | None = None) -> None:
        super().__init__(message, help, diagnostics or [])
        self.message = message
        self.help = help
        self.diagnostics = diagnostics or []

    def __str__(self) -> str:
        found = [str(one) for one in self.diagnostics]
        # The first diagnostic of a scenario is the message itself.
        own = [] if any(one.message == self.message for one in self.diagnostics) else [self.message]
        if own and self.help is not None:
            own.append(f"  help: {self.help}")
        return "\n".join(own + found)

    @classmethod
    def _of(cls, message: str, help: str | None, diagnostics: str, more: object) -> Error:
        return cls(message, help, diagnostics_of(diagnostics))


class ArgumentError(Error, ValueError):
    """An argument is not what it must be."""


class ScenarioError(Error):
    """A scenario is not valid, by itself or with what was set; `diagnostics` says where."""


class FolderError(Error):
    """A folder cannot be read or written, or is not what the program wrote."""


class SweepError(Error):
    """A sweep cannot be made, or cannot go on."""


class RunError(Error):
    """A run failed: a number left its domain, or a limit was reached. `run` has what came before."""

    run: Run | None = None
    """The run until it failed; none where a state could not be explained."""

    @classmethod
    def _of(cls, message: str, help: str | None, diagnostics: str, more: object) -> Error:
        from . import _core
        from ._run import Run

        error = cls(message, help, diagnostics_of(diagnostics))
        if isinstance(more, _core.Run):
            error.run = Run._of(more)  # pyright: ignore[reportPrivateUsage]
        return error
