"""What ran is taken up again under the same configuration, and under no other."""

from pathlib import Path

import pytest

from triplane.engine.remembered import FILE, Remembered

CONFIG = {"strategy": "ema_cross", "mode": "paper", "symbols": ["BTCUSDT"], "port": 8000}
WANTED = [{}, {"strategy": "ict_blocks", "balance": 5.0}]


def test_the_same_configuration_goes_on_with_all(tmp_path: Path) -> None:
    assert Remembered(tmp_path, CONFIG).read() == ([], "")
    Remembered(tmp_path, CONFIG).write(WANTED)
    assert Remembered(tmp_path, CONFIG | {"port": 9000}).read() == (WANTED[1:], "")


def test_another_mode_takes_nothing_up_and_says_so(tmp_path: Path) -> None:
    Remembered(tmp_path, CONFIG).write(WANTED)
    further, text = Remembered(tmp_path, CONFIG | {"mode": "live"}).read()
    assert further == []
    assert text.startswith("1 further session that ran here last will not be continued")


def test_another_portfolio_takes_nothing_up(tmp_path: Path) -> None:
    Remembered(tmp_path, CONFIG).write(WANTED)
    assert Remembered(tmp_path, CONFIG | {"portfolio": [{"strategy": "ema_cross"}]}).read()[0] == []


def test_neither_does_a_file_of_a_portfolio_that_says_something_else(tmp_path: Path) -> None:
    path = tmp_path / "p.yaml"
    path.write_text("- strategy: ema_cross\n")
    config = CONFIG | {"strategy": str(path)}
    Remembered(tmp_path, config).write(WANTED)
    assert Remembered(tmp_path, config).read() == (WANTED[1:], "")
    path.write_text("- strategy: ict_blocks\n")
    assert Remembered(tmp_path, config).read()[0] == []


def test_one_that_was_stopped_is_forgotten(tmp_path: Path) -> None:
    remembered = Remembered(tmp_path, CONFIG)
    remembered.write(WANTED)
    remembered.write(WANTED[:1])
    assert Remembered(tmp_path, CONFIG | {"mode": "live"}).read() == ([], "")


@pytest.mark.parametrize("text", ["", "{}", "[" * 100_000, '{"wanted": 3}', '{"wanted": [1, null]}'])
def test_a_damaged_file_is_no_file(tmp_path: Path, text: str) -> None:
    (tmp_path / FILE).write_text(text)
    assert Remembered(tmp_path, CONFIG).read() == ([], "")


def test_a_disk_that_takes_nothing_is_tried_again(tmp_path: Path) -> None:
    remembered = Remembered(tmp_path / "missing", CONFIG)
    remembered.write(WANTED)
    (tmp_path / "missing").mkdir()
    remembered.write(WANTED)
    assert remembered.read() == (WANTED[1:], "")
