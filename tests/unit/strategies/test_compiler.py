"""Where compiled code is kept, and when it is made anew; and how strategies are found."""

import pytest

from triplane.errors import BadInput, TriplaneError
from triplane.strategies import compiler, registry

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


@pytest.fixture
def mine(tmp_path, monkeypatch):
    """A user's folder with one strategy, and a cache of its own."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path / "cache"))
    (tmp_path / "strategies").mkdir()
    path = tmp_path / "strategies" / "mine.py"
    path.write_text(FILE.format(default=3))
    return path


def test_a_strategy_is_found_by_name_and_by_path(mine):
    assert registry.find("mine").name == "mine"
    assert registry.find(str(mine)).name == "mine"
    assert "mine" in registry.names()


def test_an_edit_is_a_new_driver_and_an_old_one_is_found_again(mine):
    first = compiler._driver("mine", mine)
    again = compiler._driver("mine", mine)
    mine.write_text(FILE.format(default=4))
    edited = compiler._driver("mine", mine)

    assert again is first
    assert edited.__file__ != first.__file__
    assert registry.find("mine").resolve({}) == {"n": 4}


def test_the_cache_lies_where_the_environment_says(mine, tmp_path):
    assert compiler.cache_folder() == tmp_path / "cache" / "triplane"


def test_a_read_only_package_uses_the_users_cache(monkeypatch, tmp_path):
    monkeypatch.delenv("NUMBA_CACHE_DIR", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    writable = compiler._writable
    monkeypatch.setattr(compiler, "_writable", lambda p: "__pycache__" not in p.parts and writable(p))

    assert compiler.cache_folder() == tmp_path / "triplane"


def test_nowhere_to_write_is_one_sentence(monkeypatch):
    monkeypatch.setattr(compiler, "_writable", lambda p: False)
    with pytest.raises(BadInput, match="NUMBA_CACHE_DIR"):
        compiler.cache_folder()


@pytest.mark.parametrize(
    ("text", "error", "words"),
    [
        ("x = 1\n", BadInput, "must define STRATEGY"),
        ("import nowhere_to_be_found\n", TriplaneError, "nowhere_to_be_found"),
        ("def broken(:\n", TriplaneError, "SyntaxError"),
    ],
)
def test_a_file_that_is_no_strategy(mine, text, error, words):
    mine.write_text(text)
    with pytest.raises(error, match=words):
        registry.find("mine")
