"""Conversion of Python values to arguments in the form of the command line."""

from __future__ import annotations

import datetime
import numbers
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

Value = float | bool | str | datetime.date
"""The value of a parameter: a number, a boolean, a date or a time, or the text of one of them."""
At = int | str | datetime.date
"""A step, by its number or by a date in it."""


def text(value: Any) -> str:
    """A value in the form of the command line."""
    if isinstance(value, str):
        return value
    if isinstance(value, bool) or type(value).__name__ in ("bool_", "bool"):
        return "true" if value else "false"
    if isinstance(value, datetime.datetime):
        return value.isoformat(timespec="seconds")
    if isinstance(value, datetime.date):
        return value.isoformat()
    if isinstance(value, numbers.Integral):
        return str(int(value))
    if isinstance(value, numbers.Real):
        return repr(float(value))
    raise TypeError(f"{value!r} is not a number, boolean, date or text")


def sets(given: Mapping[str, Value] | None) -> list[str]:
    """Values to set, as `NAME=VALUE`."""
    return [f"{name}={text(value)}" for name, value in (given or {}).items()]


def moves(given: Iterable[str | tuple[str, At]], at_once: bool = False) -> list[str]:
    """First moves as `C@STEP`, or as `C` if all are made at one step."""
    if isinstance(given, str):
        given = [given]
    found: list[str] = []
    for move in given:
        if isinstance(move, str):
            found.append(move)
        elif at_once:
            raise TypeError("a move of a fork is the name of a commitment; it is made at the step of the fork")
        else:
            commitment, at = move
            found.append(f"{commitment}@{text(at)}")
    return found


def vary(given: Mapping[str, str | Sequence[Value]] | None) -> list[str]:
    """Values to vary, as `NAME=A:B:N` or `NAME=V,V,…`."""
    found: list[str] = []
    for name, values in (given or {}).items():
        listed = values if isinstance(values, str) else ",".join(text(value) for value in values)
        found.append(f"{name}={listed}")
    return found
