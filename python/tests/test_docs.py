"""The page about Python: its blocks run from top to bottom, and print what stands below them. Then the engines, with a
worker that is killed in the middle."""

import ast
import contextlib
import filecmp
import io
import os
import re
import signal
import threading
import time
from pathlib import Path

import backstop
import pytest

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs/python.md"
BLOCK = re.compile(r"^```py\n(.*?)^```$(?:\n\n```text\n(.*?)^```$)?", re.M | re.S)


def blocks():
    return BLOCK.findall(PAGE.read_text())


def test_the_page_prints_what_it_shows(tmp_path, monkeypatch):
    (tmp_path / "scenarios").symlink_to(ROOT / "scenarios")
    monkeypatch.chdir(tmp_path)
    names = {"__name__": "page"}
    text = PAGE.read_text()
    for code, shown in blocks():
        assert code.count("\n") <= 30, "an example is a page at most"
        printed = io.StringIO()
        with contextlib.redirect_stdout(printed):
            exec(compile(code, str(PAGE), "exec"), names)
        printed = printed.getvalue()
        if "__main__" in code:
            continue
        if "prim.Prim" in code:
            has_a_box_like(printed, shown)
            continue
        if os.environ.get("BACKSTOP_BLESS"):
            text = text.replace(f"```text\n{shown}```", f"```text\n{printed}```") if shown else text
        else:
            assert printed == shown, code
    if os.environ.get("BACKSTOP_BLESS"):
        PAGE.write_text(text)


def has_a_box_like(printed, shown):
    """The workbench draws another sample at every call: the box is near the one that the page shows."""
    (quality, box), (_, shown_box) = ([ast.literal_eval(line) for line in text.splitlines()] for text in (printed, shown))
    assert quality["coverage"] > 0.3 and quality["density"] > 0.7
    assert box["backstop_share"] == pytest.approx(shown_box["backstop_share"], abs=0.2)


def functions():
    """What the page defines for the engines."""
    names = {"backstop": backstop, "__name__": "page"}
    for code, _ in blocks():
        if "def on_dask" in code or "def on_ray" in code:
            exec(code, names)
    return names


def part(scenario, number, of, folder, killed=True):
    """The part of the page, whose worker dies once in the middle of the second of them."""
    out = Path(f"{folder}/{number}")
    marker = Path(f"{folder}/killed")

    def kill():
        while not (out / "sweep.journal").exists() or len((out / "sweep.journal").read_bytes().splitlines()) < 4:
            time.sleep(0.001)
        marker.touch()
        os.kill(os.getpid(), signal.SIGKILL)

    if number == 2 and not marker.exists():
        threading.Thread(target=kill, daemon=True).start()
    scenario.sweep(
        vary={"backstop_share": "0:1:11"}, replicates=100, jobs=1, shard=f"{number}/{of}", out=out, resume=True
    )
    return str(out)


@pytest.fixture
def whole(tmp_path):
    """The scenario, an empty folder, and a function that compares what was merged there with one machine's sweep."""
    scenario = backstop.Scenario(ROOT / "scenarios/jeddah-2025.toml")
    scenario.sweep(vary={"backstop_share": "0:1:11"}, replicates=100, out=tmp_path / "alone")

    def check(merged):
        assert (tmp_path / "parts/killed").exists(), "a worker was killed"
        assert len(merged.runs) == 1100
        names = [path.name for path in (tmp_path / "alone").iterdir()]
        assert filecmp.cmpfiles(tmp_path / "alone", tmp_path / "parts/all", names, shallow=False)[0] == names

    (tmp_path / "parts").mkdir()
    return scenario, tmp_path / "parts", check


def test_dask_survives_a_worker_that_is_killed(whole):
    from dask.distributed import Client, LocalCluster

    scenario, folder, check = whole
    names = functions()
    names["part"] = part
    with LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=":0") as cluster, Client(cluster) as client:
        check(names["on_dask"](client, scenario, 4, folder))


def test_ray_survives_a_worker_that_is_killed(whole, monkeypatch):
    import ray

    scenario, folder, check = whole
    # A module of tests is not there for the workers: its function goes to them as it is.
    monkeypatch.setattr(part, "__module__", "__main__")
    monkeypatch.setenv("RAY_AUTH_MODE", "disabled")
    ray.init(num_cpus=2, include_dashboard=False, log_to_driver=False)
    try:
        check(functions()["on_ray"](part, scenario, 4, folder))
    finally:
        ray.shutdown()
