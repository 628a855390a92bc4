"""Backstop simulates actors with stances who exchange conditional commitments.

A scenario is a TOML file. It can be run once, or many times with other parameters and random numbers. The tables of a
run and of a sweep can be read by pandas, polars, pyarrow and DuckDB without conversion.

>>> import backstop
>>> text = '''
... format = 1
... title = "Two actors who wait for each other"
... time = { steps = 3 }
... resources = { word = {} }
... actors = { a = {}, b = {} }
... parameters = { wanted = { value = 1, range = [0, 2] } }
... [commitments]
... of_a = { debtor = "a", gives = { word = 1 }, when = "bonds(of_b) >= wanted" }
... of_b = { debtor = "b", gives = { word = 1 }, when = "bonds(of_a) >= 1" }
... '''
>>> scenario = backstop.Scenario.from_text(text)
>>> scenario.run().outcome
'deadlock'
>>> scenario.sweep(vary={"wanted": [0, 1, 2]}).runs["outcome"]
['stalemate', 'deadlock', 'stalemate']
"""

from __future__ import annotations

from ._core import VERSION as __version__
from ._errors import ArgumentError, Diagnostic, Error, FolderError, RunError, ScenarioError, SweepError
from ._run import Difference, Explanation, Run, State, page
from ._scenario import Parameter, Scenario, Sweep, merge
from ._table import Table

__all__ = [
    "ArgumentError",
    "Diagnostic",
    "Difference",
    "Error",
    "Explanation",
    "FolderError",
    "Parameter",
    "Run",
    "RunError",
    "Scenario",
    "ScenarioError",
    "State",
    "Sweep",
    "SweepError",
    "Table",
    "__version__",
    "merge",
    "page",
]
