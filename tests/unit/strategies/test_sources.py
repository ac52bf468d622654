"""A strategy is its file and everything of the user's that it imports; a change in any of them is a new strategy."""

import os
import subprocess
import sys

import pytest

from triplane.strategies import drivers, registry
from triplane.strategies.sources import source_hash, sources

FILES = {
    "mine.py": "import json, near\nimport numpy as np\nfrom levels import FAR as F\nfrom kinds.inner import deep\n",
    "near.py": "import further\n",
    "further.py": "def late():\n    import later\n",
    "later.py": "",
    "levels.py": "FAR = 1\n",
    "kinds/__init__.py": "",
    "kinds/inner/__init__.py": "from . import deep\nfrom ..outer import value\n",
    "kinds/inner/deep.py": "",
    "kinds/outer.py": "value = 1\n",
    "stranger.py": "",
}


@pytest.fixture
def folder(tmp_path):
    for name, text in FILES.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return tmp_path


def test_everything_that_is_imported_belongs_to_it_and_nothing_else(folder):
    found = {str(path.relative_to(folder)) for path in sources(folder / "mine.py")}
    assert found == set(FILES) - {"stranger.py"}


@pytest.mark.parametrize("name", sorted(set(FILES) - {"mine.py", "stranger.py"}))
def test_a_change_in_any_of_them_is_seen(folder, name):
    before = source_hash(folder / "mine.py")
    (folder / "stranger.py").write_text("x = 1\n")
    assert source_hash(folder / "mine.py") == before
    (folder / name).write_text(FILES[name] + "# changed\n")
    assert source_hash(folder / "mine.py") != before


def test_circles_and_what_is_no_python(tmp_path):
    (tmp_path / "one.py").write_text("import two\n")
    (tmp_path / "two.py").write_text("import one, nowhere\n")
    assert sources(tmp_path / "one.py") == [tmp_path / "one.py", tmp_path / "two.py"]
    (tmp_path / "two.py").write_text("def :\n")
    assert sources(tmp_path / "one.py") == [tmp_path / "one.py", tmp_path / "two.py"]


MINE = """
{how}
from triplane.strategies import Param, Strategy, njit, state

PARAMS = (Param("n", START, 1, 10),)


@njit
def init(s):
    pass


@njit
def step(s, bar, view, signal):
    if view.side == 0:
        signal.action = 1
        signal.side = wanted()
        signal.stop_distance = 0.01 * bar.close


STRATEGY = Strategy("mine", "", PARAMS, state(PARAMS), init, step, lambda p: 0)
"""
HELPER = """
from triplane.strategies import njit

START = {start}


@njit
def wanted():
    return {side}
"""


@pytest.mark.parametrize("how", ["from ways import START, wanted", "from .ways import START, wanted"])
def test_an_edit_of_a_helper_is_a_new_driver(tmp_path, monkeypatch, how):
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path / "cache"))
    mine = tmp_path / "mine.py"
    mine.write_text(MINE.format(how=how))

    def made(start):
        (tmp_path / "ways.py").write_text(HELPER.format(start=start, side=1))  # of the same size, in the same second
        module = drivers.strategy_driver([(registry.find(str(mine)), mine)])
        assert module.strategy.resolve({}) == {"n": start}
        return module.__file__

    first = made(3)
    assert made(4) != first
    assert made(3) == first


def test_two_folders_may_have_helpers_of_one_name(tmp_path):
    for number in (1, 2):
        folder = tmp_path / str(number)
        folder.mkdir()
        (folder / "ways.py").write_text(HELPER.format(start=number, side=1))
        (folder / "mine.py").write_text(MINE.format(how="from ways import START, wanted"))
    for number in (1, 2, 1):
        found = registry.find(str(tmp_path / str(number) / "mine.py"))
        assert found.resolve({}) == {"n": number}


RUN = """
import sys, triplane
from triplane.data.generator import generate
result = triplane.backtest(generate(seed=1, start_ms=1_735_689_600_000, n=100), sys.argv[1], timeframe="1m")
print(result.trades["side"][0])
"""


def test_the_next_process_compiles_what_a_helper_has_become(tmp_path):
    mine = tmp_path / "mine.py"
    mine.write_text(MINE.format(how="from ways import START, wanted"))
    environment = {**os.environ, "NUMBA_CACHE_DIR": str(tmp_path / "cache")}
    for side, word in ((1, "long"), (-1, "short"), (1, "long")):
        (tmp_path / "ways.py").write_text(HELPER.format(start=3, side=side))
        run = subprocess.run(
            [sys.executable, "-c", RUN, str(mine)], env=environment, capture_output=True, text=True, check=True
        )
        assert run.stdout.strip() == word


@pytest.mark.parametrize(
    "imports", ["from triplane.strategies import ict_blocks", "from triplane.strategies.ict_blocks import STRATEGY"]
)
def test_what_a_preset_is_made_of_belongs_to_it_and_the_rest_of_triplane_does_not(tmp_path, monkeypatch, imports):
    monkeypatch.setattr("triplane.strategies.sources.FOLDER", tmp_path)
    preset, base, kit = (tmp_path / f"{name}.py" for name in ("mine", "ict_blocks", "kit"))
    preset.write_text(f"{imports}\n")
    base.write_text("from triplane.strategies import kit\nSTRATEGY = 1\n")
    kit.write_text("")
    before = source_hash(preset)
    kit.write_text("changed = 1\n")
    assert source_hash(preset) == before
    base.write_text("from triplane.strategies import kit\nSTRATEGY = 2\n")
    assert source_hash(preset) != before
    assert preset.name in {path.name for path in sources(preset)}
    assert base not in sources(preset)  # it is no file of the user's
