"""Calendars and regime models become the inputs of a run."""

from pathlib import Path

import pytest

from triplane.cli.guards import agenda, regime_data
from triplane.errors import BadInput
from triplane.kernel.codes import CommandKind, Gate
from triplane.kernel.inputs import VIEWS
from triplane.research.parameter_sets import FOLDER, REGIME_KIND, ParameterSets
from triplane.strategies.regime_model import built_in_model
from triplane.strategies.registry import find

HOUR = 3_600_000


@pytest.fixture
def files(tmp_path: Path) -> tuple[str, str]:
    (tmp_path / "news.csv").write_text(f"time\n{1_700_000_000_000}\n")
    times = [1_700_000_000_000 + 8 * HOUR * n for n in range(3)]
    rows = zip(times, (0.01, 0.0, 0.0), strict=True)
    (tmp_path / "funding.csv").write_text("funding_time,funding_rate\n" + "".join(f"{t},{r}\n" for t, r in rows))
    return str(tmp_path / "news.csv"), str(tmp_path / "funding.csv")


def test_nothing_configured_is_no_command() -> None:
    assert len(agenda(None, 30.0, None, 0.001, ["BTCUSDT"])) == 0


def test_news_and_funding_close_their_gates_in_order_of_time(files: tuple[str, str]) -> None:
    together = agenda(files[0], 10.0, files[1], 0.001, ["BTCUSDT"])
    assert (together["kind"] == CommandKind.FUNDING_RATE).sum() == 3
    events = together[together["kind"] == CommandKind.GATE]
    gates = events.view(VIEWS[CommandKind.GATE])
    assert [(Gate(g["gate"]).label, int(g["closed"])) for g in gates] == [
        ("news_blackout", 1), ("news_blackout", 0), ("funding_guard", 1), ("funding_guard", 0),
    ]  # fmt: skip
    begin = 1_700_000_000_000
    assert events["time"].tolist() == [
        begin - 600_000, begin + 600_000, begin + 8 * HOUR - 900_000, begin + 8 * HOUR,
    ]  # fmt: skip


def test_the_active_regime_model_is_handed_to_the_strategy(tmp_path: Path) -> None:
    sets = ParameterSets(tmp_path / FOLDER)
    sets.activate(REGIME_KIND, "btc", sets.create(REGIME_KIND, "btc", built_in_model(60_000)).version)
    given = regime_data(find("regime_trend"), "btc", tmp_path)
    assert given["regime"]["fits"] == built_in_model(60_000)["fits"]
    assert regime_data(find("regime_trend"), None, tmp_path) == {}
    with pytest.raises(BadInput, match="Strategy ema_cross takes no regime model"):
        regime_data(find("ema_cross"), "btc", tmp_path)
