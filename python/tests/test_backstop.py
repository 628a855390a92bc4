"""Tests of the public API: the same bytes as the command line, equal tables in every library, and behaviour."""

import csv
import doctest
import filecmp
import gc
import importlib
import json
import os
import pickle
import pkgutil
import signal
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import backstop
import duckdb
import pandas
import polars
import psutil
import pyarrow
import pyarrow.parquet
import pytest

ROOT = Path(__file__).parents[2]
JEDDAH = ROOT / "scenarios/jeddah-2025.toml"
COMMAND = [sys.executable, "-m", "backstop"]
GENERATED = 100

SMALL = """
format = 1
title = "Two actors who wait for each other"
time = { steps = 5, start = 2025-03-10 }
resources = { word = {} }
parameters = { wanted = { value = 1, range = [0, 2] }, luck = { uniform = [0, 1] } }
[actors]
a = { stance = 0.5, volatility = 0.1 }
b = { stance = 0.5 }
[commitments]
of_a = { debtor = "a", gives = { word = 1 }, when = "bonds(of_b) >= wanted" }
of_b = { debtor = "b", gives = { word = 1 }, when = "bonds(of_a) >= 1" }
[outcomes.both]
when = "bonds(of_a) + bonds(of_b) >= 2 and luck < 0.9"
[metrics]
mood = "stance(a)"
"""


@pytest.fixture(scope="module")
def jeddah():
    return backstop.Scenario(JEDDAH)


@pytest.fixture(scope="module")
def small():
    return backstop.Scenario.from_text(SMALL)


def command(*arguments, code=0):
    done = subprocess.run([*COMMAND, *map(str, arguments)], capture_output=True, text=True)
    assert done.returncode == code, done.stderr
    return done.stdout


def same(one, other):
    """Whether two folders hold the same bytes."""
    names = sorted(path.relative_to(one) for path in Path(one).rglob("*") if path.is_file())
    assert names == sorted(path.relative_to(other) for path in Path(other).rglob("*") if path.is_file())
    _, mismatch, errors = filecmp.cmpfiles(one, other, names, shallow=False)
    assert not mismatch and not errors, mismatch


# ------------------------------------------------------------------------- the same bytes as the command line


def test_a_run_a_fork_and_their_texts_are_those_of_the_command(jeddah, tmp_path):
    run = jeddah.run(seed=3, set={"backstop_share": 0.3}, moves=["us_backstop@2025-03-12"], stances=True)
    run.save(tmp_path / "run")
    printed = command(
        "run", JEDDAH, "--seed", 3, "--set", "backstop_share=0.3", "--move", "us_backstop@2025-03-12", "--stances",
        "--out", tmp_path / "of_command",
    )
    same(tmp_path / "run", tmp_path / "of_command")
    assert printed.startswith(str(run))
    fork = run.fork(at=5, set={"backstop_share": 0.9}, moves=["uk_troops"])
    fork.save(tmp_path / "fork")
    command("fork", tmp_path / "run", "--at", 5, "--set", "backstop_share=0.9", "--move", "uk_troops",
            "--out", tmp_path / "fork_of_command")
    same(tmp_path / "fork", tmp_path / "fork_of_command")
    assert command("diff", tmp_path / "run", tmp_path / "fork") == run.diff(fork)
    assert command("why", tmp_path / "run", "uk_troops") == run.why("uk_troops")
    assert command("replay", tmp_path / "run", "--at", 7) == str(run.state(at=7))
    explained = run.explain(at=4, summit=True)
    assert command("explain", tmp_path / "run", "--at", 4, "--summit") == str(explained)
    assert json.loads(command("explain", tmp_path / "run", "--at", 4, "--summit", "--json")) == dict(explained)
    assert backstop.Run.open(tmp_path / "fork") == fork
    assert "<html" in run.page() and "<iframe" in run._repr_html_()


def test_a_sweep_is_that_of_the_command(jeddah, tmp_path):
    asked = {"vary": {"backstop_share": "0:1:5"}, "replicates": 4, "seed": 2, "series": True}
    memory = jeddah.sweep(**asked)
    folder = jeddah.sweep(**asked, out=tmp_path / "sweep")
    printed = command("sweep", JEDDAH, "--vary", "backstop_share=0:1:5", "--replicates", 4, "--seed", 2, "--series",
                      "--out", tmp_path / "of_command")
    same(tmp_path / "sweep", tmp_path / "of_command")
    assert printed.startswith(str(memory)) and str(memory) == str(folder)
    opened = backstop.Sweep.open(tmp_path / "of_command")
    assert str(opened) == str(memory)
    for name in ("runs", "summary", "design", "series"):
        tables = [getattr(sweep, name).to_polars() for sweep in (memory, folder, opened)]
        assert tables[0].equals(tables[1]) and tables[0].equals(tables[2]), name
    parts = [tmp_path / f"part{number}" for number in (1, 2, 3)]
    for number, part in enumerate(parts, 1):
        jeddah.sweep(**asked, shard=f"{number}/3", out=part)
    backstop.merge(parts, tmp_path / "merged")
    same(tmp_path / "merged", tmp_path / "of_command")
    run = memory.run(13)
    assert run.history_hash == memory.runs["history_hash"][13] and run.outcome == memory.runs["outcome"][13]


@pytest.mark.parametrize("seed", range(10_000, 10_000 + GENERATED, 10))
def test_random_scenarios_give_the_same_bytes(seed, tmp_path):
    """Ten scenarios at a time, since starting processes dominates the cost."""
    names = []
    for number in range(seed, seed + 10):
        path = tmp_path / f"{number}.toml"
        generated = [sys.executable, ROOT / "tests/oracle/generate.py", str(number)]
        path.write_bytes(subprocess.run(generated, capture_output=True, check=True).stdout)
        names.append(path)
    for path in names:
        try:
            run = backstop.Scenario(path).run(seed=seed)
        except backstop.RunError as error:
            run = error.run
        run.save(path.with_suffix(""))
        logged = command("run", path, "--seed", seed, "--events", "-", code=0 if run.outcome else 1)
        assert (path.with_suffix("") / "events.csv").read_text() == logged
        assert pickle.loads(pickle.dumps(run)) == run


# ------------------------------------------------------------------------- tables


def test_tables_are_equal_wherever_they_are_taken(jeddah):
    run = jeddah.run()
    for table in (run.events, run.series, run.commitments, run.runs):
        taken = table
        plain = polars.DataFrame(table)
        assert plain.columns == table.column_names and len(plain) == len(table)
        of_pandas = pandas.DataFrame.from_arrow(table)
        assert polars.from_pandas(of_pandas).cast(dict(plain.schema)).equals(plain)
        assert polars.from_arrow(pyarrow.table(table)).equals(plain)
        assert plain.to_dict(as_series=False) == table.to_dict()
        assert duckdb.sql("select count(*) from taken").fetchall() == [(len(table),)]
        assert list(table.rows()) == plain.to_dicts()
        assert pickle.loads(pickle.dumps(table)).to_dict() == table.to_dict()


HOURLY = SMALL.replace("start = 2025-03-10", "start = 2025-03-10T06:00:00, step = '6 hours'")


@pytest.mark.parametrize("text", [SMALL, HOURLY])
def test_parquet_has_the_values_of_the_csv(text, tmp_path):
    """Read by three readers that know nothing of each other, each cell is what stands in the CSV."""
    scenario = backstop.Scenario.from_text(text)
    scenario.run(stances=True).save(tmp_path / "run", format="parquet")
    scenario.sweep(vary={"wanted": [0, 1.5], "time.start": ["2025-03-10", "2025-03-10T18:00"]}, set={"actors.a.stance": 0.25},
                   replicates=20, events=True, series=True, out=tmp_path / "sweep", format="parquet")
    read = 0
    for path in [*tmp_path.glob("*/*.csv")]:
        columns, *rows = list(csv.reader(path.read_text().splitlines()))
        file = path.with_suffix(".parquet")
        ours = pyarrow.parquet.read_table(file)
        assert ours.column_names == columns and polars.read_parquet(file).equals(polars.from_arrow(ours))
        in_duckdb = duckdb.sql(f"from read_parquet('{file}')").fetchall()
        for row, values, same_values in zip(rows, ours.to_pylist(), in_duckdb, strict=True):
            assert all(map(is_value, values.values(), row)) and tuple(values.values()) == same_values
        read += len(rows)
    assert read > 1000
    assert backstop.Run.open(tmp_path / "run").history_hash == scenario.run(stances=True).history_hash
    backstop.Run.open(tmp_path / "run").save(tmp_path / "again")
    same(tmp_path / "run", tmp_path / "again")


def is_value(value, text):
    """Whether a value is what stands in a cell of CSV."""
    if value is None or text == "":
        return value is None and text == ""
    if isinstance(value, bool):
        return text.lower() == str(value).lower()
    if isinstance(value, float):
        return float(text) == value
    return text == str(value) if isinstance(value, int | str) else type(value).fromisoformat(text) == value


def test_columns_have_types(small):
    events = polars.DataFrame(small.run().events)
    assert events.schema["seq"] == polars.Int64 and events.schema["value"] == polars.Float64
    assert events.schema["date"] == polars.Datetime("ms") and isinstance(events.schema["event"], polars.Categorical)
    runs = polars.DataFrame(small.sweep(vary={"time.start": ["2025-03-10", "2025-03-11"]}, seed=2**64 - 1).runs)
    assert runs.schema["time.start"] == polars.Datetime("ms") and runs["seed"][0] == 2**64 - 1
    assert str(pandas.DataFrame.from_arrow(small.run().events).dtypes["event"]) == "category"


def test_designs_of_any_kind_are_one(small):
    columns = {"wanted": [0.0, 0.5, 2.0]}
    designs = [columns, pandas.DataFrame(columns), polars.DataFrame(columns), pyarrow.table(columns)]
    texts = {str(small.sweep(design=design, replicates=3)) for design in designs}
    texts.add(str(small.sweep(vary=columns, replicates=3)))
    assert len(texts) == 1
    assert small.sweep(design=small.sweep(vary=columns).design).runs["wanted"] == columns["wanted"]
    assert len(small.sweep(sample="lhs:10", over=["wanted"]).design) == 10


# ------------------------------------------------------------------------- errors


def test_diagnostics_are_objects():
    broken = backstop.Scenario.from_text(SMALL.replace("bonds(of_b)", "bonds(of_c)"))
    found = broken.check()[0]
    assert (found.severity, found.line, found.code) == ("error", 11, "names/unknown"), found
    assert found.help == "did you mean `of_a`?"
    for call in (broken.run, broken.sweep, lambda: broken.parameters):
        with pytest.raises(backstop.ScenarioError) as raised:
            call()
        assert raised.value.diagnostics[0] == found and str(found.line) in str(raised.value)


def test_what_is_refused_says_why(small, tmp_path):
    run = small.run()
    cases = [
        (lambda: backstop.Scenario(tmp_path / "none.toml"), FileNotFoundError),
        (lambda: backstop.Run.open(tmp_path), backstop.FolderError),
        (lambda: backstop.Sweep.open(tmp_path), backstop.FolderError),
        (lambda: small.run(set={"wnted": 1}), backstop.ScenarioError),
        (lambda: small.run(moves=["of_a"]), backstop.ArgumentError),
        (lambda: small.sweep(vary={"wnted": [1]}), backstop.SweepError),
        (lambda: small.sweep(sample="lhs:0"), backstop.SweepError),
        (lambda: small.sweep(design={"wanted": [float("nan")]}), backstop.SweepError),
        (lambda: small.sweep(vary={"wanted": [1]}, shard="1/2"), TypeError),
        (lambda: run.state(at=5), backstop.ArgumentError),
        (lambda: run.state(at="2026-01-01"), backstop.ArgumentError),
        (lambda: run.why("of_c"), backstop.ArgumentError),
        (lambda: run.explain(goal="nothing"), backstop.ArgumentError),
        (lambda: run.fork(at=9), backstop.ArgumentError),
        (lambda: run.events["evnt"], KeyError),
    ]
    for call, kind in cases:
        with pytest.raises(kind) as raised:
            call()
        assert str(raised.value)
    run.save(tmp_path / "run")
    with pytest.raises(backstop.FolderError, match="not empty"):
        run.save(tmp_path / "run")
    run.save(tmp_path / "run", force=True)
    log = tmp_path / "run/events.csv"
    log.write_text(log.read_text().replace("created", "expired", 1))
    with pytest.raises(backstop.FolderError, match="events.csv"):
        backstop.Run.open(tmp_path / "run")
    error = pickle.loads(pickle.dumps(raised.value))
    assert str(error) == str(raised.value)


def test_a_failed_run_comes_with_what_it_did():
    failing = backstop.Scenario.from_text(SMALL.replace('mood = "stance(a)"', 'mood = "(2 - step) / (2 - step)"'))
    with pytest.raises(backstop.RunError) as raised:
        failing.run()
    assert raised.value.run.outcome is None and raised.value.run.steps == 2
    assert raised.value.diagnostics[0].line and len(raised.value.run.events) > 0
    sweep = failing.sweep(replicates=3)
    assert sweep.failed == 3 and sweep.runs["outcome"] == [None] * 3


# ------------------------------------------------------------------------- behaviour in a process


def test_files_beside_a_scenario_come_along(tmp_path):
    folder = ROOT / "scenarios/national-popular-vote"
    path = next(folder.glob("*.toml"))
    run = backstop.Scenario(path).run()
    files = {one.relative_to(folder).as_posix(): one.read_bytes() for one in folder.rglob("*.csv")}
    if all("../" not in line for line in path.read_text().splitlines()):
        assert backstop.Scenario.from_text(path.read_text(), files=files, name=path.name).run() == run
    assert pickle.loads(pickle.dumps(backstop.Scenario(path))).run() == run


def test_threads_run_side_by_side(jeddah):
    alone = [jeddah.run(seed=seed).history_hash for seed in range(8)]
    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(lambda seed: jeddah.run(seed=seed).history_hash, range(8))) == alone
    counted = 0
    done = threading.Event()

    def count():
        nonlocal counted
        while not done.is_set():
            counted += 1
            time.sleep(0.001)

    other = threading.Thread(target=count)
    other.start()
    jeddah.sweep(vary={"backstop_share": "0:1:11"}, replicates=20, jobs=1)
    done.set()
    other.join()
    assert counted > 5, "the interpreter is free while a sweep runs"


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_a_forked_process_goes_on(small):
    before = str(small.sweep(replicates=50))
    child = os.fork()
    if child == 0:
        os._exit(0 if str(small.sweep(replicates=50)) == before else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


def test_ctrl_c_ends_a_sweep_at_once():
    program = (
        "import backstop, sys, time\n"
        f"scenario = backstop.Scenario({str(JEDDAH)!r})\n"
        "try:\n"
        "    scenario.sweep(replicates=10_000_000, progress=lambda done, all: done and print(done, flush=True))\n"
        "except KeyboardInterrupt:\n"
        "    print('interrupted', time.monotonic(), flush=True)\n"
    )

    def took():
        started = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True)
        assert int(started.stdout.readline()) > 0
        began = time.monotonic()
        started.send_signal(signal.SIGINT)
        last = started.stdout.read().split()[-2:]
        assert started.wait() == 0 and last[0] == "interrupted"
        return float(last[1]) - began

    # The target is a tenth of a second; other programs may delay one of the tries, but hardly all three.
    assert min(took() for _ in range(3)) < 0.2


def test_progress_is_told(small, capfd):
    told = []
    small.sweep(replicates=500, progress=lambda done, total: told.append((done, total)))
    assert told[-1] == (500, 500)
    small.sweep(replicates=500, progress=True)
    assert "500 of 500 runs" in capfd.readouterr().err
    with pytest.raises(ZeroDivisionError):
        small.sweep(replicates=500, progress=lambda done, total: 1 // 0)


def test_a_thousand_runs_do_not_grow_memory(small):
    process = psutil.Process()

    def work(times):
        for seed in range(times):
            run = small.run(seed=seed)
            assert len(run.events) > 0 and str(run) and run.explain()["step"] == 4
        gc.collect()
        return process.memory_info().rss

    before = work(200)
    assert work(1000) - before < 8 << 20


def test_everything_can_be_pickled(small):
    for one in (small, small.run(), small.sweep(replicates=3), small.run().explain(), small.run().state(at=1)):
        copy = pickle.loads(pickle.dumps(one))
        assert type(copy) is type(one) and str(copy) == str(one)


# ------------------------------------------------------------------------- types and documentation


def test_the_examples_of_docstrings_run():
    for module in pkgutil.iter_modules(backstop.__path__):
        if module.name not in ("_core", "__main__"):
            failed, _ = doctest.testmod(importlib.import_module(f"backstop.{module.name}"))
            assert failed == 0, module.name
    assert doctest.testmod(backstop).failed == 0


@pytest.mark.parametrize(
    "checker",
    [["mypy", "--config-file", str(ROOT / "python/pyproject.toml")], ["pyright", "--pythonpath", sys.executable]],
    ids=["mypy", "pyright"],
)
def test_types_hold(checker, tmp_path):
    use = tmp_path / "use.py"
    use.write_text(
        "import backstop\n"
        "scenario = backstop.Scenario('a.toml')\n"
        "outcome: str | None = scenario.run(seed=1, set={'x': 1.5}, moves=['c@3', ('c', 3)]).outcome\n"
        "table: backstop.Table = scenario.sweep(vary={'x': '0:1:3', 'y': [1, 2.5, True]}).runs\n"
        "diagnostics: list[backstop.Diagnostic] = scenario.check()\n"
    )
    package = ROOT / "python/backstop"
    environment = {**os.environ, "MYPYPATH": str(package.parent)}
    done = subprocess.run(
        [sys.executable, "-m", *checker, str(package), str(use)], capture_output=True, text=True, env=environment
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_command_is_installed():
    assert command("--version").split() == ["backstop", backstop.__version__]
    assert "unrecognized" in subprocess.run([*COMMAND, "nope"], capture_output=True, text=True).stderr
    script = Path(sys.executable).with_name("backstop")
    assert subprocess.run([script, "check", JEDDAH], capture_output=True).returncode == 0
