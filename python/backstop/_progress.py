"""The progress of a sweep, in a terminal or a notebook."""

from __future__ import annotations

import importlib
import sys
import time
from collections.abc import Callable
from types import TracebackType
from typing import Any

_EVERY = 0.1


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
