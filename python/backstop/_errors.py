"""Diagnostics, and the exceptions that contain them."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ._run import Run


@dataclass(frozen=True)
class Diagnostic:
    """A problem in a scenario, with its place and a remedy.

    Lines and columns count from 1, columns in characters. They are `None` if the problem has no place.
    """

    severity: str
    """`error`, or `warning` for what is valid but probably a mistake."""
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
    """The base class of all errors of `backstop`: a complete message, a remedy, and diagnostics.

    `str` contains all three.
    """

    message: str
    """What is wrong."""
    help: str | None
    """How to solve the problem, or `None`."""
    diagnostics: list[Diagnostic]
    """The problems in the scenario, if they are the reason."""

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
    """An argument is not valid."""


class ScenarioError(Error):
    """A scenario is not valid, by itself or with the values that were set; see `diagnostics`."""


class FolderError(Error):
    """A folder cannot be read or written, or is not the unchanged output of the program."""


class SweepError(Error):
    """A sweep cannot be prepared or continued."""


class RunError(Error):
    """A run failed: a number left its domain, or a limit was reached. `run` contains the run up to that point."""

    run: Run | None = None
    """The run up to the failure, or `None` if the error is about explaining a state."""

    @classmethod
    def _of(cls, message: str, help: str | None, diagnostics: str, more: object) -> Error:
        from . import _core
        from ._run import Run

        error = cls(message, help, diagnostics_of(diagnostics))
        if isinstance(more, _core.Run):
            error.run = Run._of(more)  # pyright: ignore[reportPrivateUsage]
        return error
