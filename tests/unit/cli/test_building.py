"""What a session that was asked for over the API inherits, and what it may not be."""

import asyncio
from pathlib import Path
from types import SimpleNamespace

import pytest

from triplane.cli.building import _setup, chosen, start_options
from triplane.cli.config import Config
from triplane.data.generator import demo_instrument
from triplane.engine.sources import Source
from triplane.errors import BadInput
from triplane.model.settings import SleeveSettings
from triplane.strategies.registry import BUILT_IN
from triplane.venues.catalogue import with_data

STRATEGY = "from triplane.strategies.ema_cross import STRATEGY\n"


@pytest.fixture
def config(tmp_path, monkeypatch):
    """Of a user who was at the command line, where any file will do."""
    (tmp_path / "anywhere").mkdir()
    monkeypatch.chdir(tmp_path / "anywhere")
    for folder in ("anywhere", "kept/strategies", "more"):
        (tmp_path / folder).mkdir(parents=True, exist_ok=True)
        (tmp_path / folder / f"{folder[:4]}_own.py").write_text(STRATEGY)
    (tmp_path / "kept" / "data").mkdir()
    (tmp_path / "kept" / "data" / "x.csv").write_text("")
    return Config(
        strategy=str(tmp_path / "anywhere" / "anyw_own.py"), params={"fast": 5}, timeframe="5m", symbols=["ETHUSDT"],
        source=str(tmp_path / "anywhere" / "x.csv"), data_dir=tmp_path / "kept",
    )  # fmt: skip


def test_what_was_not_said_is_inherited(config):
    assert chosen(config, {}) is config
    same = chosen(config, {"strategy": config.strategy, "source": config.source, "balance": 5.0, "symbols": None})
    assert same == config.model_copy(update={"balance": 5.0})


def test_another_strategy_comes_with_its_own_timeframe_and_parameters(config):
    other = chosen(config, {"strategy": "ict_blocks"})
    assert (other.strategy, other.timeframe, other.params, other.symbols) == ("ict_blocks", None, {}, ["ETHUSDT"])
    said = chosen(config, {"strategy": "ema_cross", "parameters": {"fast": 3}, "timeframe": "1h"})
    assert (said.params, said.timeframe) == ({"fast": 3}, "1h")


def test_a_portfolio_has_its_strategies_itself(config):
    asked = {"portfolio": [{"strategy": "ema_cross", "params": {"fast": 3}}, {"strategy": "confluence"}]}
    found = chosen(config, asked)
    assert [one.strategy for one in found.sleeves()] == ["ema_cross", "confluence"]
    assert (found.params, found.timeframe) == ({}, None)
    assert chosen(found, {"strategy": "ict_blocks"}).portfolio == []
    with pytest.raises(BadInput, match="strategy is ict_blocks; in a portfolio each sleeve has its own"):
        chosen(config, asked | {"strategy": "ict_blocks"})
    with pytest.raises(BadInput, match=r"strategy is '/etc/passwd'; it must be one of"):
        chosen(config, {"portfolio": [{"strategy": "/etc/passwd"}]})


@pytest.mark.parametrize(("configured", "asked"), [("live", "testnet"), ("testnet", "live"), ("paper", "live")])
def test_nothing_trades_but_in_the_configured_mode_or_on_paper(config, configured, asked):
    config = config.model_copy(update={"mode": configured})
    with pytest.raises(BadInput, match=f"mode is {asked}; beside a configuration for {configured} it must be"):
        chosen(config, {"mode": asked})
    assert chosen(config, {"mode": "paper"}).mode == "paper"
    assert chosen(config, {"mode": configured}).mode == configured


def test_a_gate_is_overridden_for_the_configured_strategy_alone(config):
    config = config.model_copy(update={"override_gate": "I know"})
    assert chosen(config, {"balance": 5.0}).override_gate == "I know"
    assert chosen(config, {"strategy": "ema_cross"}).override_gate is None
    assert chosen(config, {"parameters": {"fast": 3}}).override_gate is None


def test_a_file_runs_only_from_the_folders_for_it(config, tmp_path):
    kept = tmp_path / "kept" / "strategies" / "kept_own.py"
    for name in ("kept_own", "kept_own.py", str(kept)):
        assert chosen(config, {"strategy": name}).strategy == str(kept)
    more = str(tmp_path / "more" / "more_own.py")
    with pytest.raises(BadInput, match=r"strategy is .*it must be one of"):
        chosen(config, {"strategy": more})
    wider = config.model_copy(update={"session_folders": [tmp_path / "more"]})
    assert chosen(wider, {"strategy": more}).strategy == more
    assert chosen(wider, {"strategy": str(kept)}).strategy == str(kept)


def test_nothing_of_a_refused_file_runs(config, tmp_path):
    trap = tmp_path / "trap.py"
    trap.write_text(f"open({str(tmp_path / 'ran')!r}, 'w')\n" + STRATEGY)
    with pytest.raises(BadInput):
        chosen(config, {"strategy": str(trap)})
    assert not (tmp_path / "ran").exists()


def test_data_comes_only_from_the_folders_for_it(config, tmp_path):
    assert chosen(config, {"source": "x.csv"}).source == str(tmp_path / "kept" / "data" / "x.csv")
    assert chosen(config, {"source": "demo"}).source == "demo"
    with pytest.raises(BadInput, match=r"source is .*it must be one of"):
        chosen(config, {"source": "/etc"})
    wider = config.model_copy(update={"session_folders": [tmp_path]})
    assert chosen(wider, {"source": str(tmp_path / "more")}).source == str(tmp_path / "more")


def test_what_is_offered_is_registered_configured_or_set_aside_for_it(tmp_path: Path) -> None:
    aside = tmp_path / "aside"
    for folder in (tmp_path / "strategies", tmp_path / "data", aside):
        folder.mkdir()
    for file in (tmp_path / "strategies" / "mine.py", aside / "theirs.py", tmp_path / "data" / "candles.parquet"):
        file.touch()
    config = Config(data_dir=tmp_path, session_folders=[aside], source="recorded", mode="testnet", symbols=["BTCUSDT"])
    options = start_options(config)
    assert set(options["strategies"]) == {*BUILT_IN, "mine", "theirs"}
    assert options["sources"] == ["recorded", "demo", *with_data(), "candles.parquet"]
    assert options["modes"] == ["testnet", "paper"]
    assert options["configured"] == {
        "strategy": "ict_blocks", "symbols": ["BTCUSDT"], "timeframe": None, "source": "recorded", "mode": "testnet",
        "balance": 10_000.0,
    }  # fmt: skip


@pytest.mark.parametrize("idle", [[], ["ETHUSDT"]])
def test_at_a_venue_a_market_belongs_to_one_sleeve_also_beside_markets_that_nobody_trades(tmp_path, idle):
    class Venue:
        async def instruments(self, symbols):
            return [demo_instrument(symbol) for symbol in symbols]

    trading = SimpleNamespace(venue=Venue(), name="box", source="demo")
    source = Source("demo", tuple(demo_instrument(s) for s in ["BTCUSDT", *idle]), 60_000, False, None, {})
    sleeves = [SleeveSettings(strategy="ema_cross", symbols=["BTCUSDT"], name=name) for name in "ab"]
    with pytest.raises(BadInput, match="symbols name BTCUSDT in two sleeves; at a venue each market has one sleeve"):
        asyncio.run(_setup(Config(data_dir=tmp_path), trading, source, sleeves))
    trading.venue = None
    setup = asyncio.run(_setup(Config(data_dir=tmp_path), trading, source, sleeves))
    assert [row.name for row in setup.rows] == ["BTCUSDT:a", "BTCUSDT:b"]
