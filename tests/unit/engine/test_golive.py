"""Going live is earned: what counts, what is missing, and what a typed sentence can do about it."""

import json
import shutil
from dataclasses import replace as replace_setup

import numpy as np
import pytest
from msgspec.structs import replace

from triplane.data.generator import demo_instrument, generate
from triplane.engine.account import Account
from triplane.engine.beginning import open_session
from triplane.engine.daily import Daily
from triplane.engine.golive import CONFIRMATION, GoLiveGate, paper_record, require
from triplane.engine.journal import Journal, Kind, Reader
from triplane.engine.session import JOURNAL, Session
from triplane.engine.settings import CostSettings, TradingSettings
from triplane.engine.setup import Setup
from triplane.engine.tally import Tally
from triplane.errors import BadInput
from triplane.kernel.codes import CommandKind, RowKind
from triplane.kernel.records import CANDLE
from triplane.kernel.rows import OUTPUT, of_kind
from triplane.model.settings import PLAIN
from triplane.strategies.registry import find

START = 1_735_689_600_000
DAY_MS = 86_400_000
GATE = GoLiveGate()
GOOD = {"days": 31.0, "sharpe": 2.0, "max_drawdown_pct": 4.0, "win_rate": 0.6, "funding": 1.5}
LIMITS = TradingSettings(max_trades_day=1000, cooldown_bars=0, daily_loss_share=0, max_drawdown=0)


@pytest.fixture(scope="module")
def core(request):
    from triplane.strategies.compiler import compile_strategy
    from triplane.strategies.registry import source_of

    return compile_strategy(find("ema_cross"), source_of("ema_cross"))


def made(params=None, *, source="binance", mode="paper", **changes):
    """The setup of a session."""
    spec = find("ema_cross")
    return Setup("ema_cross", spec.resolve(params or {}), (demo_instrument("BTCUSDT"),), 60_000, 60_000,
                 source=source, mode=mode, hold=True, trading=LIMITS, **changes)  # fmt: skip


def paper(folder, core, setup=None, *, days=2, history=600, start=START, on_the_way=lambda _session: True):
    """A paper session of some days, with history before; returns its folder."""
    session = open_session(folder / "sessions", setup or made(), core).session
    candles = generate(3, start - history * 60_000, history + days * 1440)
    session.feed_batch(np.zeros(history, np.int64), candles[:history])
    session.command(CommandKind.READY)
    daily = Daily(session, lambda: session.now / 1000)
    daily.begin(start)
    done = False
    for i in range(history, len(candles)):
        session.feed_candle(0, candles, i)
        daily.moment(session.now)
        if i >= history + 1000 and not done:
            done = on_the_way(session)
    daily.end(session.now)
    session.close()
    return session.folder


def record(folder, core, setup=None, sources=("binance",)):
    return paper_record(folder, setup or made(), core.source_hash, sources)


def test_a_good_record_passes():
    assert GATE.problems(GOOD) == []
    assert require(GATE, GOOD, None) == []


@pytest.mark.parametrize(
    ("field", "value", "word"),
    [
        ("days", 29.9, "29.9 days on paper; 30 are needed"),
        ("sharpe", 1.5, "Sharpe ratio is 1.50; it must be above 1.5"),
        ("sharpe", None, "Sharpe ratio is not known"),
        ("max_drawdown_pct", 10.0, "drawdown is 10.00 %; it must be below 10%"),
        ("win_rate", 0.55, "win rate is 0.55; it must be above 0.55"),
        ("win_rate", None, "win rate is not known"),
    ],
)
def test_each_figure_alone_refuses(field, value, word):
    (problem,) = GATE.problems(GOOD | {field: value})
    assert word in problem
    with pytest.raises(BadInput, match="Going live is refused") as error:
        require(GATE, GOOD | {field: value}, None)
    assert problem in str(error.value)


def test_a_perpetual_whose_funding_nobody_knows_is_refused(tmp_path, core):
    """Its source tells no funding, so what the positions cost is not known."""
    paper(tmp_path, core)
    found = record(tmp_path, core)

    assert found["funding"] is None
    assert any(p.startswith("What it paid for funding must be known, but the funding of") for p in GATE.problems(found))


def test_the_bounds_are_settings():
    assert GoLiveGate(days=0, sharpe=-9, max_drawdown=1, win_rate=0).problems(
        {"days": 0.0, "sharpe": -1.0, "max_drawdown_pct": 99.0, "win_rate": 0.1, "funding": 0.0}
    ) == []  # fmt: skip


def test_only_the_very_sentence_overrides():
    bad = GOOD | {"days": 1.0}
    assert len(require(GATE, bad, CONFIRMATION)) == 1
    with pytest.raises(BadInput, match="type"):
        require(GATE, bad, "yes")


def test_without_a_session_there_is_no_record(tmp_path, core):
    found = record(tmp_path, core)
    assert (found["sessions"], found["days"]) == (0, 0.0)
    assert len(GATE.problems(found)) >= 3


def test_the_record_is_that_of_the_session_after_its_history(tmp_path, core):
    folder = paper(tmp_path, core)
    found = record(tmp_path, core)
    assert found["sessions"] == 1
    assert found["days"] == pytest.approx(2, abs=0.01)
    tally = Tally(START)
    session = Session(folder, Reader(folder / JOURNAL).meta, core)
    session.observer = tally
    session.replay(Reader(folder / JOURNAL), one_by_one=True)
    whole = tally.performance(10_000.0)
    assert found["trades"] == whole["trades"] > 20
    assert found["win_rate"] == pytest.approx(whole["win_rate"])
    assert found["return_pct"] == pytest.approx(whole["return_pct"])
    assert whole["max_drawdown_pct"] <= found["max_drawdown_pct"] + 1e-9 < whole["max_drawdown_pct"] + 1


def test_sessions_follow_one_another(tmp_path, core):
    paper(tmp_path, core, made(account="a"))
    alone = record(tmp_path, core)
    paper(tmp_path, core, made(account="b"), start=START + 10 * DAY_MS)
    both = record(tmp_path, core)
    assert both["sessions"] == 2
    assert both["days"] == pytest.approx(2 * alone["days"])
    assert both["trades"] == 2 * alone["trades"]


def test_sessions_beside_each_other_are_not_twice_the_days(tmp_path, core):
    for name in "ab":
        paper(tmp_path, core, made(account=name))
    assert record(tmp_path, core)["sessions"] == 2
    assert record(tmp_path, core)["days"] == pytest.approx(2, abs=0.01)


def test_time_when_it_did_not_run_is_no_day_on_paper(tmp_path, core):
    """Stopped after a day, started again nine days later, when the candles between are fetched."""
    paper(tmp_path, core, days=1)
    session = open_session(tmp_path / "sessions", made(), core).session
    candles = generate(3, START + DAY_MS, 10 * 1440)
    daily = Daily(session, lambda: session.now / 1000)
    session.feed_batch(np.zeros(9 * 1440, np.int64), candles[: 9 * 1440])
    daily.begin(session.now)
    for i in range(9 * 1440, len(candles)):
        session.feed_candle(0, candles, i)
        daily.moment(session.now)
    daily.end(session.now)
    session.close()
    assert record(tmp_path, core)["days"] == pytest.approx(2, abs=0.01)


def running(session):
    """Its notes, by a process that runs as long as the market does."""
    return Daily(session, lambda: session.now / 1000)


def drive(session, candles, daily):
    """Feed live candles one by one."""
    for i in range(len(candles)):
        session.feed_candle(0, candles, i)
        daily.moment(session.now)


def test_begun_just_before_midnight(tmp_path, core):
    """Before the first candle has closed."""
    session = open_session(tmp_path / "sessions", made(), core).session
    candles = generate(3, START, 3000)
    session.feed_batch(np.zeros(1439, np.int64), candles[:1439])
    session.command(CommandKind.READY)
    daily = running(session)
    daily.begin(START + DAY_MS - 30_000)
    drive(session, candles[1439:], daily)
    daily.end(session.now)
    session.close()
    assert record(tmp_path, core)["max_drawdown_pct"] < 5


@pytest.mark.parametrize("ahead", ["sleep", "clock"])
def test_neither_sleep_nor_a_clock_that_is_set_makes_days(tmp_path, core, ahead):
    session = open_session(tmp_path / "sessions", made(), core).session
    session.command(CommandKind.READY)
    candles = generate(3, START, 20 * 1440)
    up = [0.0]
    daily = Daily(session, lambda: up[0])
    daily.begin(START)
    for i in range(300):
        session.feed_candle(0, candles, i)
        up[0] += 60
        daily.moment(session.now)
    if ahead == "sleep":  # what happened meanwhile is fetched at once, after waking
        drive(session, candles[300:], daily)
    daily.end(START + 400 * DAY_MS if ahead == "clock" else session.now)
    session.close()
    found = record(tmp_path, core)
    assert found["days"] == pytest.approx(300 / 1440, abs=0.01)


def test_being_away_hides_no_fall(tmp_path, core):
    """Stopped in a fall, started after it: the candles between are fetched before it runs live again."""

    def lived(folder, away):
        candles = generate(3, START, 4 * 1440)
        session = open_session(folder / "sessions", made(), core).session
        session.command(CommandKind.READY)
        daily = running(session)
        daily.begin(START)
        for i in range(len(candles)):
            if away and i in (away.start, away.stop):
                session = open_session(folder / "sessions", made(), core).session if i == away.stop else session
                if i == away.start:
                    daily.end(session.now)
                    session.close()
                else:
                    daily = running(session)
                    for j in away:
                        session.feed_candle(0, candles, j)
                        daily.moment(session.now)
                    daily.begin(session.now)
            if i not in away:
                session.feed_candle(0, candles, i)
                daily.moment(session.now)
        daily.end(session.now)
        session.close()
        return record(folder, core)

    always = lived(tmp_path / "a", range(0))
    for begin in (700, 1500, 2500):
        away = lived(tmp_path / f"b{begin}", range(begin, begin + 900))
        assert away["max_drawdown_pct"] >= always["max_drawdown_pct"] - 1e-9
        assert away["return_pct"] == pytest.approx(always["return_pct"])
        assert away["days"] == pytest.approx(always["days"] - 900 / 1440, abs=0.01)


def test_a_simulated_winner_changes_no_figure_open_or_closed(tmp_path, core):
    quiet = made({"fast": 300, "slow": 500}, costs=CostSettings(leverage=10, **PLAIN))

    def rising(folder, simulate, close):
        session = open_session(folder / "sessions", quiet, core).session
        session.command(CommandKind.READY)
        daily = running(session)
        daily.begin(START)
        candles = np.zeros(600, CANDLE)
        candles["open_time"] = START + np.arange(600) * 60_000
        for name in ("open", "high", "low", "close"):
            candles[name] = 60_000.0 + np.arange(600) * 10
        candles["volume"] = 10.0
        for i in range(600):
            session.feed_candle(0, candles, i)
            daily.moment(session.now)
            if i == 505 and simulate:
                assert len(session.command(CommandKind.SIMULATE, 0, side=1, price=62_000.0))
            if i == 580 and close:
                session.command(CommandKind.CLOSE, 0, price=float(candles["close"][i]))
        daily.end(session.now)
        assert not simulate or close or session.S[0]["core"]["position"]["lots"] > 0
        session.close()
        return record(folder, core, quiet)

    without = rising(tmp_path / "without", simulate=False, close=False)
    for close in (False, True):
        found = rising(tmp_path / f"with{close}", simulate=True, close=close)
        for name in ("trades", "return_pct", "max_drawdown_pct"):
            assert found[name] == pytest.approx(without[name], abs=1e-9), name


def test_a_copied_account_counts_for_nothing(tmp_path, core):
    paper(tmp_path, core, days=1)
    alone = record(tmp_path, core)
    (path,) = tmp_path.glob("accounts/*")
    shutil.copytree(path, path.with_name("anything"))
    assert record(tmp_path, core) == alone


def test_looser_limits_than_on_paper_and_other_markets_have_no_record(tmp_path, core):
    paper(tmp_path, core, days=1)
    loose = replace_setup(made(), trading=LIMITS.model_copy(update={"risk_per_trade": 0.02}))
    tight = replace_setup(made(), trading=LIMITS.model_copy(update={"risk_per_trade": 0.001}))
    doge = replace_setup(made(), instruments=(demo_instrument("DOGEUSDT"),))
    assert [record(tmp_path, core, one)["sessions"] for one in (loose, tight, doge)] == [0, 1, 0]


@pytest.mark.parametrize(
    "other",
    [
        made(source="demo"), made(source="candles.parquet"), made(mode="testnet"), made({"fast": 7}),
        made(data={"regime": {"states": 3}}), made(costs=CostSettings(taker_fee=0.0001)), made(fixed_lots=5),
    ],
)  # fmt: skip
def test_whatever_decided_otherwise_does_not_count(tmp_path, core, other):
    paper(tmp_path, core, other, days=1)
    assert record(tmp_path, core)["sessions"] == 0


def test_another_source_of_the_strategy_does_not_count(tmp_path, core):
    paper(tmp_path, core, days=1)
    assert paper_record(tmp_path, made(), "another", ("binance",))["sessions"] == 0


def test_the_record_survives_an_upgrade(tmp_path, core, monkeypatch):
    """Of the kernel, of the rules and of the settings that a newer version knows besides."""
    with monkeypatch.context() as older:
        older.setattr("triplane.engine.setup.RULES", 1)
        older.setattr("triplane.engine.setup.kernel_hash", lambda: "older")
        folder = paper(tmp_path, core)
    assert Reader(folder / JOURNAL).meta["rules"] == 1
    assert record(tmp_path, core)["sessions"] == 1
    assert record(tmp_path, core)["trades"] > 20


def test_what_a_person_simulated_does_not_count(tmp_path, core):
    quiet = made({"fast": 300, "slow": 500})  # no trade of its own on the way

    def simulate(session):
        return len(session.command(CommandKind.SIMULATE, 0, side=1)) > 0

    paper(tmp_path / "without", core, quiet, days=1)
    folder = paper(tmp_path / "with", core, quiet, days=1, on_the_way=simulate)
    rows = np.concatenate([np.frombuffer(f.payload, OUTPUT) for f in Reader(folder / JOURNAL) if f.kind == Kind.OUTPUT])
    without, found = record(tmp_path / "without", core, quiet), record(tmp_path / "with", core, quiet)
    assert len(of_kind(rows, RowKind.TRADE)) == found["trades"] + 1
    assert found["trades"] == without["trades"]
    assert found["return_pct"] == pytest.approx(without["return_pct"], abs=0.01)  # the sizes follow the balance


def test_a_reset_begins_a_new_record(tmp_path, core):
    def reset(session):
        session.command(CommandKind.CANCEL)
        session.command(CommandKind.CLOSE, price=float(session.S[0]["core"]["last"]["close"]))
        session.command(CommandKind.RESET, price=5_000.0)
        return True

    paper(tmp_path, core, on_the_way=reset)
    found = record(tmp_path, core)
    assert found["days"] == pytest.approx(2 - 1001 / 1440, abs=0.05)
    assert found["max_drawdown_pct"] < 20  # nor is it a fall
    assert abs(found["return_pct"]) < 20  # not the half that was taken out


def test_sessions_of_an_older_epoch_do_not_count(tmp_path, core):
    paper(tmp_path, core, days=1)
    (path,) = tmp_path.glob("accounts/*/record.json")
    account = Account(tmp_path, "paper", "binance", "main")
    account.write(replace(account.record, session="", state={"epoch": 1}, held={}))
    account.release()
    assert record(tmp_path, core)["sessions"] == 0
    paper(tmp_path, core, days=1)
    assert record(tmp_path, core)["sessions"] == 1
    assert path.is_file()


def test_a_damaged_journal_proves_nothing(tmp_path, core):
    journal = paper(tmp_path, core, days=1) / JOURNAL
    content = bytearray(journal.read_bytes())
    content[len(content) // 2] ^= 0xFF
    journal.write_bytes(content)
    assert record(tmp_path, core)["sessions"] == 0


def test_copies_and_what_was_added_by_hand_count_for_nothing(tmp_path, core):
    folder = paper(tmp_path, core, days=1)
    alone = record(tmp_path, core)
    reader = Reader(folder / JOURNAL)
    for number in range(8):  # copies with another name, begun at another time
        copy = tmp_path / "sessions" / f"26010{number}-000000-copy"
        copy.mkdir()
        meta = {**reader.meta, "session": copy.name, "created_at": START + number * 4 * DAY_MS}
        with Journal.create(copy / JOURNAL, meta) as journal:
            for frame in reader:
                if frame.kind not in (Kind.SYNC, Kind.END):
                    journal.append(Kind(frame.kind), bytes(frame.payload), frame.symbol, frame.n)
    assert record(tmp_path, core) == alone
    list(reader)
    with Journal.open(folder / JOURNAL, reader.end) as journal:  # another month of profit, well formed
        for day in range(2, 32):
            note = {
                "note": "equity",
                "time": START + day * DAY_MS,
                "phase": "day",
                "equity": 1e5,
                "low": 1e5,
                "high": 1e5,
            }
            journal.append(Kind.NOTE, json.dumps(note).encode())
    assert record(tmp_path, core) == alone
