"""How strategies are found: built in, installed by other packages, in the user's files."""

import sys

import pytest

from triplane.errors import BadInput, TriplaneError
from triplane.strategies import registry

PLAIN = """
from triplane.strategies import PythonStrategy


class Idle(PythonStrategy):
    name = "{name}"

    def on_bar(self, bar, view):
        return None


{attribute} = Idle
"""


@pytest.fixture
def mine(tmp_path, monkeypatch):
    """A user's folder with one strategy."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "strategies").mkdir()
    path = tmp_path / "strategies" / "mine.py"
    path.write_text(PLAIN.format(name="mine", attribute="STRATEGY"))
    return path


@pytest.fixture
def package(tmp_path, monkeypatch):
    """An installed package with two strategies, and one that cannot be imported."""
    site = tmp_path / "site"
    info = site / "others-1.2.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: others\nVersion: 1.2\n")
    (info / "entry_points.txt").write_text(
        "[triplane.strategies]\nidle = others_idle\nlazy = others_lazy:LAZY\nbroken = others_broken\n"
        "ema_cross = others_idle\n"
    )
    (site / "others_idle.py").write_text(PLAIN.format(name="idle", attribute="STRATEGY"))
    (site / "others_lazy.py").write_text(PLAIN.format(name="lazy", attribute="LAZY"))
    (site / "others_broken.py").write_text("import nowhere_to_be_found\n")
    monkeypatch.syspath_prepend(str(site))
    registry.packaged.cache_clear()
    yield site
    registry.packaged.cache_clear()
    for name in ("others_idle", "others_lazy"):
        sys.modules.pop(name, None)


def test_a_file_is_found_by_name_and_by_path(mine):
    assert registry.find("mine").name == "mine"
    assert registry.find(str(mine)).name == "mine"
    assert "mine" in registry.names()
    assert registry.name_of(registry.find("mine"), mine) == str(mine)


@pytest.mark.parametrize(
    ("text", "error", "words"),
    [
        ("x = 1\n", BadInput, "must define STRATEGY"),
        ("import nowhere_to_be_found\n", TriplaneError, "nowhere_to_be_found"),
        ("def broken(:\n", TriplaneError, "SyntaxError"),
        ("raise SystemExit(0)\n", TriplaneError, "cannot be loaded: SystemExit: 0"),
    ],
)
def test_a_file_that_is_no_strategy(mine, text, error, words):
    mine.write_text(text)
    with pytest.raises(error, match=words):
        registry.find("mine")


def test_a_module_beside_a_strategy_is_none(mine):
    mine.with_name("averages.py").write_text("# for STRATEGY\ndef mean(x):\n    return sum(x) / len(x)\n")
    mine.with_name("taken.py").write_text("from mine import Idle as STRATEGY\n")
    assert registry.names()[-2:] == ["mine", "taken"]
    with pytest.raises(BadInput) as caught:
        registry.find("nothing")
    assert "averages" not in str(caught.value)


def test_a_package_offers_strategies_by_name(package):
    for name, file in (("idle", "others_idle.py"), ("lazy", "others_lazy.py")):
        found = registry.find(name)
        assert found.name == name
        assert registry.source_of(name) == package / file
        assert registry.name_of(found, package / file) == name
        assert name in registry.names()


def test_a_name_means_the_same_everywhere(package, mine):
    """Built-in strategies are found before those of packages, and these before the files of a folder."""
    (mine.parent / "idle.py").write_text(PLAIN.format(name="another", attribute="STRATEGY"))

    assert registry.source_of("ema_cross").parent == registry.Path(registry.__file__).parent
    assert registry.find("idle").name == "idle"
    assert registry.names().count("idle") == 1
    assert registry.find(str(mine.parent / "idle.py")).name == "another"


def test_a_package_that_cannot_be_loaded_is_one_sentence(package):
    with pytest.raises(TriplaneError, match="Module others_broken cannot be loaded: ModuleNotFoundError"):
        registry.find("broken")


def test_an_unknown_name_says_what_there_is(mine):
    with pytest.raises(BadInput, match=r"Unknown strategy nothing; there are: ema_cross, .*mine"):
        registry.find("nothing")
