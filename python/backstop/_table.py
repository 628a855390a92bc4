"""Tables, which can be exported as Arrow."""

from __future__ import annotations

import html
import importlib
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from . import _core

if TYPE_CHECKING:
    import pandas
    import polars

_SHOWN = 10


class Table:
    """A table of a run or of a sweep, with a type for each column.

    Whole numbers are `int64` (seeds `uint64`), other numbers `float64`, dates `timestamp[ms]`, names dictionary-encoded
    texts (a category in pandas, a `Categorical` in polars), truth values booleans. Missing values are null.

    It implements the Arrow PyCapsule interface, so `polars.DataFrame(table)`, `pyarrow.table(table)`,
    `pandas.DataFrame.from_arrow(table)` and DuckDB, which finds it by the name of its variable, take it without copying
    a value. Without any of them a column is a list:

    >>> import backstop
    >>> run = backstop.Scenario.from_text("format = 1\\n[time]\\nsteps = 1\\n[actors.us]").run()
    >>> run.events.column_names[:5]
    ['run', 'seq', 'step', 'date', 'event']
    >>> run.events["event"]
    ['started', 'ended']
    >>> len(run.events)
    2
    """

    __slots__ = ("_table",)
    _table: _core.Table

    def __init__(self) -> None:
        raise TypeError("a table comes from a run or a sweep")

    @classmethod
    def _of(cls, table: _core.Table) -> Table:
        self = cls.__new__(cls)
        self._table = table
        return self

    def __arrow_c_schema__(self) -> object:
        """The Arrow schema."""
        return self._table.__arrow_c_schema__()

    def __arrow_c_stream__(self, requested_schema: object | None = None) -> object:
        """The table as an Arrow stream."""
        return self._table.__arrow_c_stream__(requested_schema)

    @property
    def column_names(self) -> list[str]:
        """The names of the columns, in order."""
        return self._table.column_names

    def __len__(self) -> int:
        return len(self._table)

    def __getitem__(self, name: str) -> list[Any]:
        """The values of a column; dates are `datetime`."""
        return self._table.values(name)

    def __contains__(self, name: object) -> bool:
        return name in self.column_names

    def __iter__(self) -> Iterator[str]:
        return iter(self.column_names)

    def rows(self) -> Iterator[dict[str, Any]]:
        """The rows one by one, each with its values by name."""
        names = self.column_names
        for start in range(0, len(self), 1000):
            for row in zip(*(self._table.values(name, start, 1000) for name in names), strict=True):
                yield dict(zip(names, row, strict=True))

    def to_dict(self) -> dict[str, list[Any]]:
        """The columns as lists."""
        return {name: self[name] for name in self.column_names}

    def to_pandas(self) -> pandas.DataFrame:
        """A data frame of pandas, which must be installed. Nothing is copied if pyarrow is installed too."""
        import pandas

        try:
            frame: pandas.DataFrame = importlib.import_module("pyarrow").table(self).to_pandas()
            return frame
        except ModuleNotFoundError:
            columns = dict(zip(self.column_names, self._table.kinds, strict=True))
            plain = pandas.DataFrame(self.to_dict())
            words = [name for name, kind in columns.items() if kind in ("text", "id", "set")]
            return plain.astype(dict.fromkeys(words, "category"))

    def to_polars(self) -> polars.DataFrame:
        """A data frame of polars, which must be installed. Nothing is copied."""
        import polars

        return polars.DataFrame(self)

    def __repr__(self) -> str:
        return f"<backstop.Table of {len(self)} rows: {', '.join(self.column_names)}>"

    def _repr_html_(self) -> str:
        names = self.column_names
        columns = [self._table.values(name, 0, _SHOWN) for name in names]
        head = "".join(f"<th>{html.escape(name)}</th>" for name in names)
        shown = ["".join(f"<td>{'' if cell is None else html.escape(str(cell))}</td>" for cell in row)
                 for row in zip(*columns, strict=True)]
        body = "".join(f"<tr>{row}</tr>" for row in shown)
        more = f"<caption>{len(self)} rows, the first {_SHOWN} of them</caption>" if len(self) > _SHOWN else ""
        return f"<table>{more}<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"

    def __reduce__(self) -> tuple[Any, ...]:
        return _restore, self._table.parts()


def _restore(names: list[str], kinds: list[str], csv: bytes) -> Table:
    return Table._of(_core.Table.of_parts(names, kinds, csv))  # pyright: ignore[reportPrivateUsage]


def columns_of(frame: Any) -> Mapping[str, Any]:
    """The columns of a data frame or a mapping, each a sequence."""
    if isinstance(frame, Mapping):
        given: Mapping[str, Any] = frame
        return given
    if isinstance(frame, Table):
        return frame.to_dict()
    if hasattr(frame, "to_pydict"):
        columns: Mapping[str, Any] = frame.to_pydict()
        return columns
    if hasattr(frame, "columns") and hasattr(frame, "__getitem__"):
        return {str(name): frame[name].to_list() for name in frame.columns}
    raise TypeError(f"a design is a data frame, a mapping of names to values, or a path, not {type(frame).__name__}")
