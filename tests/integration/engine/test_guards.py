"""A user's own guards: installed, asked outside the core, journaled as a gate, and not needed for a replay."""

import asyncio
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from triplane.data.clock import SystemClock
from triplane.data.generator import generate
from triplane.data.instruments import Instrument
from triplane.data.replay import ReplayFeed
from triplane.engine import account as accounts
from triplane.engine.facts import Collector
from triplane.engine.guards import find_guard
from triplane.engine.opening import Opened, Options, open_runner
from triplane.engine.setup import Setup
from triplane.engine.verify import verify
from triplane.errors import BadInput, TriplaneError
from triplane.kernel.codes import Check, Gate, RowKind
from triplane.kernel.rows import of_kind
from triplane.model.facts import Account, RiskAlert, Signal
from triplane.model.settings import CostSettings
from triplane.research.backtest import simulate
from triplane.strategies import registry
from triplane.strategies.compiler import compile_strategy
from triplane.strategies.registry import find, source_of

START = 1_735_689_600_000
CODE = """
from triplane.engine.guards import Guard


class Odd(Guard):
    name = "{name}"
    asked = 0

    def forbids(self, symbol, bar):
        self.asked += 1
        if {fails}:
            raise ValueError("no idea")
        return f"{{symbol}}: the hour is odd." if bar.open_time // 3_600_000 % 2 else None


GUARD = Odd
"""


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """An installed package with guards."""
    site = tmp_path / "site"
    info = site / "keepers-1.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: keepers\nVersion: 1.0\n")
    modules = {
        "odd": CODE.format(name="odd", fails="False"),
        "fails": CODE.format(name="fails", fails="self.asked > 730"),
        "hides": CODE.format(name="news_blackout", fails="False"),
        "nameless": CODE.format(name="", fails="False"),
        "broken": "import nowhere_to_be_found\n",
    }
    (info / "entry_points.txt").write_text(
        "[triplane.guards]\nother = keepers_odd:Guard\n" + "".join(f"{name} = keepers_{name}\n" for name in modules)
    )
    for name, code in modules.items():
        (site / f"keepers_{name}.py").write_text(code.replace("GUARD = Odd", "GUARD = Odd\nmade = Odd()"))
    monkeypatch.syspath_prepend(str(site))
    registry.packaged.cache_clear()
    yield site
    registry.packaged.cache_clear()
    for name in modules:
        sys.modules.pop(f"keepers_{name}", None)


@pytest.fixture(scope="module")
def candles() -> Any:
    return generate(seed=3, start_ms=START, n=1440)


def run(folder: Path, candles: Any, guards: tuple[str, ...], *, whole: bool) -> tuple[Opened, Collector]:
    """A session over the candles."""
    spec, rules, collector = find("ema_cross"), Instrument.research("BTCUSDT"), Collector()
    setup = Setup("ema_cross", spec.resolve({"fast": 4, "slow": 9}), (rules,), 60_000, 60_000, source="test")
    opened = open_runner(
        folder,
        setup,
        compile_strategy(spec, source_of("ema_cross")),
        lambda known: ReplayFeed({"BTCUSDT": candles}, SystemClock(), "max", known, instruments={"BTCUSDT": rules}),
        options=Options(facts=False, whole=whole, consumers=[collector], guards=guards),
    )
    asyncio.run(opened.runner.run())
    return opened, collector


@pytest.mark.parametrize("whole", [True, False])
def test_a_session_decides_as_a_backtest_and_is_replayed_without_the_guard(
    package: Path, tmp_path: Path, candles: Any, whole: bool
) -> None:
    opened, collector = run(tmp_path, candles, ("odd",), whole=whole)
    session = opened.runner.session
    tested = simulate(
        candles, strategy="ema_cross", symbol="BTCUSDT", timeframe="1m", params={"fast": 4, "slow": 9},
        costs=CostSettings(), guards=["odd"],
    )  # fmt: skip
    refused = of_kind(tested.rows, RowKind.REJECT)
    hours = refused["time"][refused["check"] == Check.GUARD] // 3_600_000
    assert len(hours) > 3
    assert session.decisions.hexdigest() == tested.decisions_sha256
    placed = of_kind(tested.rows, RowKind.SIGNAL)
    taken = placed[(placed["status"] == 2) & (placed["closing"] == 0)]
    assert ((taken["time"] - 60_000) // 3_600_000 % 2 == 0).all()

    registry.packaged.cache_clear()
    sys.path.remove(str(package))
    assert verify(session.folder).decisions_sha256 == session.decisions.hexdigest()

    told = [fact for fact in collector.facts if isinstance(fact, RiskAlert) and fact.alert_type == "guard_closed"]
    assert len(told) == 12
    assert {(fact.severity, fact.message) for fact in told} == {("INFO", "BTCUSDT: the hour is odd.")}
    assert any(isinstance(fact, Signal) and fact.status == "rejected" for fact in collector.facts)


def test_the_gate_opens_again_when_the_guard_is_gone(package: Path, tmp_path: Path, candles: Any) -> None:
    opened, _ = run(tmp_path, candles[:70], ("odd",), whole=False)
    session = opened.runner.session
    assert opened.runner.closed(Gate.GUARD)
    journal = session.folder / "journal.tpj"
    journal.write_bytes(journal.read_bytes()[: -(journal.stat().st_size - _before_the_end(journal))])
    account = accounts.Account(tmp_path, "paper", session.setup.source, "main")
    account.write(replace(account.record, finished=False, journals={}))
    account.release()

    again, collector = run(tmp_path, candles[:80], (), whole=False)
    assert (again.continued, again.runner.session.id) == (True, session.id)
    assert not again.runner.closed(Gate.GUARD)
    gates = [fact.gates for fact in collector.facts if isinstance(fact, Account)]
    assert gates.index(["guard"]) < len(gates) - 1
    assert gates[-1] == []


def _before_the_end(journal: Path) -> int:
    """Where a journal stood when the last candle had been written: the session was then killed."""
    from triplane.engine.journal import Kind, Reader

    return max(frame.offset for frame in Reader(journal) if frame.kind == Kind.CANDLE)


def test_one_that_raises_forbids(package: Path, tmp_path: Path, candles: Any) -> None:
    opened, collector = run(tmp_path, candles, ("fails",), whole=False)
    assert opened.runner.closed(Gate.GUARD)
    (said,) = {f.message for f in collector.facts if isinstance(f, RiskAlert) and "failed" in f.message}
    assert said == "Guard fails failed: ValueError: no idea"
    with pytest.raises(TriplaneError, match="Guard fails failed: ValueError: no idea"):
        simulate(candles, strategy="ema_cross", symbol="BTCUSDT", guards=["fails"])


@pytest.mark.parametrize(
    ("name", "error", "words"),
    [
        ("nothing", BadInput, r"Unknown guard nothing; installed: other, odd, fails, hides, nameless, broken\."),
        ("other", BadInput, r"must define Guard as a subclass of Guard|name is ''"),
        ("hides", BadInput, "name is 'news_blackout'; it must be one that Triplane does not use itself"),
        ("nameless", BadInput, "name is ''; it must be one that Triplane does not use itself"),
        ("broken", TriplaneError, "Module keepers_broken cannot be loaded: ModuleNotFoundError"),
        ("keepers.py", BadInput, "Guard file keepers.py does not exist"),
    ],
)
def test_what_cannot_be_used_is_one_sentence(package: Path, name: str, error: type[Exception], words: str) -> None:
    with pytest.raises(error, match=words):
        find_guard(name)
