"""What a session can be started with beside the configured one."""

from pathlib import Path

from triplane.cli.building import start_options
from triplane.cli.config import Config
from triplane.engine.sources import LIVE
from triplane.strategies.registry import BUILT_IN


def test_what_is_offered_is_registered_configured_or_set_aside_for_it(tmp_path: Path) -> None:
    aside = tmp_path / "aside"
    for folder in (tmp_path / "strategies", tmp_path / "data", aside):
        folder.mkdir()
    for file in (tmp_path / "strategies" / "mine.py", aside / "theirs.py", tmp_path / "data" / "candles.parquet"):
        file.touch()
    config = Config(data_dir=tmp_path, session_folders=[aside], source="recorded", mode="testnet", symbols=["BTCUSDT"])
    options = start_options(config)
    assert set(options["strategies"]) == {*BUILT_IN, "mine", "theirs"}
    assert options["sources"] == ["recorded", "demo", *LIVE, "candles.parquet"]
    assert options["modes"] == ["testnet", "paper"]
    assert options["configured"] == {
        "strategy": "ict_blocks", "symbols": ["BTCUSDT"], "timeframe": None, "source": "recorded", "mode": "testnet",
        "balance": 10_000.0,
    }  # fmt: skip
