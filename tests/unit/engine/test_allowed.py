"""What may be started over the API: registered names, and files that lie where they may."""

import os
from pathlib import Path

import pytest

from triplane.engine.allowed import check_source, check_strategy
from triplane.errors import BadInput
from triplane.strategies import registry

CODE = "raise SystemExit('a strategy that must not run was run')\nSTRATEGY = None\n"


@pytest.fixture
def place(tmp_path, monkeypatch):
    """An allowed folder, a secret one beside it, and a working folder that is neither."""
    for name in ("allowed/deep", "allowed-not", "work", "secret"):
        (tmp_path / name).mkdir(parents=True)
    for file in ("allowed/mine.py", "allowed/deep/er.py", "allowed-not/near.py", "secret/evil.py", "allowed/data.csv"):
        (tmp_path / file).write_text(CODE)
    monkeypatch.delenv("TRIPLANE_STRATEGIES", raising=False)
    monkeypatch.chdir(tmp_path / "work")
    return tmp_path


@pytest.fixture
def allowed(place):
    return [place / "allowed"]


@pytest.mark.parametrize("name", registry.BUILT_IN)
def test_registered_names_pass(allowed, name):
    assert check_strategy(name, allowed) == check_strategy(name, []) == name


def test_names_of_the_user_s_own_folders_pass(place, allowed, monkeypatch):
    monkeypatch.setenv("TRIPLANE_STRATEGIES", str(place / "secret"))
    assert check_strategy("evil", allowed) == "evil"
    with pytest.raises(BadInput):
        check_strategy("evil.py", allowed)


def test_names_of_installed_packages_pass_and_what_they_stand_for_does_not(allowed, monkeypatch):
    """A registry that knows more, as by entry points, is asked; a module or an object is no name."""
    monkeypatch.setattr("triplane.engine.allowed.names", lambda: ["theirs"])
    assert check_strategy("theirs", allowed) == "theirs"
    for name in ("their_package.strategy", "their_package:STRATEGY", "os:system", "Theirs", "theirs "):
        with pytest.raises(BadInput):
            check_strategy(name, allowed)


@pytest.mark.parametrize(
    "name", ["mine.py", "mine", "deep/er.py", "./mine.py", "deep/../mine.py", "../allowed/mine.py", "{}/mine.py"]
)
def test_files_of_the_folder_pass_as_what_they_are(place, allowed, name):
    real = place / "allowed" / ("deep/er.py" if "er.py" in name else "mine.py")
    assert check_strategy(name.format(place / "allowed"), allowed) == str(real)


@pytest.mark.parametrize("name", [
    "../secret/evil.py", "../allowed/../secret/evil.py", "{}/secret/evil.py", "{}/allowed/../secret/evil.py",
    "{}/allowed-not/near.py", "../allowed-not/near.py", "....//secret/evil.py", "..\\secret\\evil.py",
    "%2e%2e/secret/evil.py", "../secret/evil", "evil", "evil.py", "~/evil.py", "file://{}/allowed/mine.py",
    "mine.py\0", "mine\0.py", "\0", "{}/secret/evil.py\0.py", "", ".", "..", "/", ".py", "{}/allowed", "deep",
    "deep.py", "data.csv", "MINE.PY", "Mine.py", "mine.PY", "Mine", "mine.py/", "mine.py/.", " mine.py", "mine.py\n",
    "x" * 5000 + ".py", "a/" * 3000 + "b.py", "/dev/null.py", "/proc/self/fd/0.py", "-c", "*.py", "mi?e.py",
])  # fmt: skip
def test_everything_else_is_refused_in_the_same_words(place, allowed, name):
    name = name.format(place)
    with pytest.raises(BadInput) as refused:
        check_strategy(name, allowed)
    with pytest.raises(BadInput) as absent:
        check_strategy("nothing-like-it", allowed)
    assert str(refused.value) == str(absent.value).replace(repr("nothing-like-it"), repr(name[:100]))


def test_links_are_followed(place, allowed):
    inside = place / "allowed"
    (inside / "link.py").symlink_to(place / "secret" / "evil.py")
    (inside / "folder").symlink_to(place / "secret")
    (inside / "circle.py").symlink_to(inside / "circle.py")
    (inside / "broken.py").symlink_to(inside / "none.py")
    (inside / "csv.py").symlink_to(inside / "data.csv")
    for name in ("link.py", "link", "folder/evil.py", "circle.py", "broken.py", "csv.py"):
        with pytest.raises(BadInput):
            check_strategy(name, allowed)
    (inside / "other.py").symlink_to(inside / "mine.py")
    (place / "way").symlink_to(inside)
    assert check_strategy("other.py", allowed) == str(inside / "mine.py")
    assert check_strategy("mine.py", [place / "way"]) == str(inside / "mine.py")
    assert check_strategy(str(place / "way" / "mine.py"), allowed) == str(inside / "mine.py")


def test_links_that_lead_nowhere_do_not_hide_the_others(place, allowed, monkeypatch):
    (place / "secret" / "circle.py").symlink_to(place / "secret" / "circle.py")
    (place / "secret" / "broken.py").symlink_to(place / "secret" / "none.py")
    monkeypatch.setenv("TRIPLANE_STRATEGIES", str(place / "secret"))
    assert check_strategy("evil", allowed) == "evil"
    with pytest.raises(BadInput):
        check_strategy("circle", allowed)


def test_a_pipe_is_no_strategy(place, allowed):
    os.mkfifo(place / "allowed" / "pipe.py")
    with pytest.raises(BadInput):
        check_strategy("pipe.py", allowed)


def test_several_folders_and_none(place):
    folders = [place / "none", place / "allowed", place / "secret"]
    assert check_strategy("evil.py", folders) == str(place / "secret" / "evil.py")
    assert check_strategy("mine", folders) == str(place / "allowed" / "mine.py")
    with pytest.raises(BadInput, match=r"or a \.py file in no folder at all"):
        check_strategy(str(place / "allowed" / "mine.py"), [])
    with pytest.raises(BadInput):
        check_strategy("mine.py", [place / "none"])


def test_a_folder_that_is_relative(place, monkeypatch):
    monkeypatch.chdir(place)
    assert check_strategy("mine.py", [Path("allowed")]) == str(place / "allowed" / "mine.py")
    with pytest.raises(BadInput):
        check_strategy("secret/evil.py", [Path("allowed")])


@pytest.mark.parametrize("name", ["demo", "binance", "binance-spot", "mexc"])
def test_sources_by_name(allowed, name):
    assert check_source(name, []) == check_source(name, allowed) == name


@pytest.mark.parametrize(("name", "real"), [("data.csv", "data.csv"), ("deep", "deep"), (".", ""), ("{}/allowed", "")])
def test_recorded_data_of_the_folder(place, allowed, name, real):
    assert check_source(name.format(place), allowed) == str(place / "allowed" / real)


@pytest.mark.parametrize("name", ["../secret", "{}/secret/evil.py", "/etc/passwd", "/", "..", "", "data.csv\0", "DEMO"])
def test_other_data_is_refused(place, allowed, name):
    with pytest.raises(BadInput, match=r"^source is .*; it must be one of demo, binance, .* or recorded "):
        check_source(name.format(place), allowed)
