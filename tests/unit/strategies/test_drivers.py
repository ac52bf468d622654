"""Where compiled code is kept, when it is made anew, and that it is found where somebody else has put it."""

import shutil
import sys
from pathlib import Path
from types import ModuleType

import numba
import numpy as np
import pytest

from triplane.errors import BadInput
from triplane.kernel.jit import entry
from triplane.strategies import drivers, registry

compiled = pytest.mark.skipif(bool(numba.config.DISABLE_JIT), reason="nothing is compiled")

FILE = """
from triplane.strategies import Param, Strategy, njit, state

PARAMS = (Param("n", {default}, 1, 10),)


@njit
def init(s):
    pass


@njit
def step(s, bar, view, signal):
    pass


STRATEGY = Strategy("mine", "", PARAMS, state(PARAMS), init, step, lambda p: 0)
"""

LOOP = """
from triplane.kernel.jit import entry


@entry
def double(x):
    return 2 * x


@entry
def triple(x):
    return 3 * x
"""


@pytest.fixture
def mine(tmp_path, monkeypatch):
    """A user's folder with one strategy, and a cache of its own."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path / "cache"))
    (tmp_path / "strategies").mkdir()
    path = tmp_path / "strategies" / "mine.py"
    path.write_text(FILE.format(default=3))
    return path


@pytest.fixture
def loop(tmp_path, monkeypatch):
    """The source of a small driver, and a cache of its own."""
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path / "cache"))
    path = tmp_path / "loop.py"
    path.write_text(LOOP)
    yield path
    for name in [n for n in sys.modules if n.startswith("triplane_driver_loop_")]:
        del sys.modules[name]


def forget(module: ModuleType) -> None:
    """As if the process were a new one."""
    del sys.modules[module.__name__]


def test_an_edit_is_a_new_driver_and_an_old_one_is_found_again(mine):
    def driver():
        return drivers.strategy_driver([(registry.find(str(mine)), mine)])

    first = driver()
    again = driver()
    mine.write_text(FILE.format(default=4))
    edited = driver()

    assert again is first
    assert edited.__file__ != first.__file__
    assert edited.strategy.resolve({}) == {"n": 4}


def test_the_driver_of_a_built_in_strategy_does_not_depend_on_where_it_lies(tmp_path, monkeypatch):
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path))
    source = registry.source_of("ema_cross")

    module = drivers.strategy_driver([(registry.find("ema_cross"), source)])

    assert str(source.parent) not in Path(str(module.__file__)).read_text()
    assert module.strategy is registry.find("ema_cross")
    forget(module)


def test_the_cache_lies_where_the_environment_says(mine, tmp_path):
    assert drivers.cache_folder() == tmp_path / "cache" / "triplane"


def test_a_read_only_package_uses_the_users_cache(monkeypatch, tmp_path):
    monkeypatch.delenv("NUMBA_CACHE_DIR", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    writable = drivers._writable
    monkeypatch.setattr(drivers, "_writable", lambda p: "__pycache__" not in p.parts and writable(p))

    assert drivers.cache_folder() == tmp_path / "triplane"


def test_nowhere_to_write_is_one_sentence(monkeypatch):
    monkeypatch.setattr(drivers, "_writable", lambda p: False)
    with pytest.raises(BadInput, match="NUMBA_CACHE_DIR"):
        drivers.cache_folder()


@compiled
def test_code_is_found_again_beside_its_driver(loop):
    first = drivers.driver("loop", loop)
    assert not drivers.is_cached(first)
    assert (first.double(2), first.triple(2)) == (4, 6)
    assert drivers.is_cached(first)
    forget(first)

    again = drivers.driver("loop", loop)
    assert again.double(2) == 4

    assert again is not first
    assert (sum(again.double.stats.cache_hits.values()), sum(again.double.stats.cache_misses.values())) == (1, 0)


@compiled
def test_code_that_came_with_the_package_is_used_from_where_it_lies(loop, tmp_path, monkeypatch):
    made = drivers.driver("loop", loop)
    made.double(2), made.triple(2)
    forget(made)
    shipped = tmp_path / "compiled"
    shutil.move(Path(str(made.__file__)).parent, shipped)
    monkeypatch.setattr(drivers, "SHIPPED", shipped)
    monkeypatch.setattr(drivers, "cache_folder", lambda: pytest.fail("nothing has to be written"))

    found = drivers.driver("loop", loop)

    assert Path(str(found.__file__)).parent == shipped
    assert drivers.is_cached(found)
    assert found.triple(3) == 9
    assert sum(found.triple.stats.cache_misses.values()) == 0


@compiled
def test_code_that_cannot_be_kept_runs_all_the_same(loop, monkeypatch):
    module = drivers.driver("loop", loop)
    monkeypatch.setattr(module.double._cache._cache_file, "save", refuse)

    assert module.double(np.int64(4)) == 8
    assert not drivers.is_cached(module)


def refuse(*_args):
    raise PermissionError("read-only")


@compiled
def test_what_is_compiled_for_the_first_time_is_told_once(loop):
    loop.write_text(LOOP + "\n\ndef warm():\n    double(1), triple(1)\n")
    told = []

    forget(drivers.ready("loop", loop, "the loop", told.append))
    forget(drivers.ready("loop", loop, "the loop", told.append))

    assert told == ["Compiling the loop for the first time …"]


def test_without_the_compiler_an_entry_is_the_function(monkeypatch):
    monkeypatch.setattr("numba.core.config.DISABLE_JIT", 1)

    def plain(x):
        return x

    assert entry(plain) is plain
