"""What becomes of an account when its session is started again: the same, with other settings, or as another one."""

import dataclasses
import os
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from msgspec import structs

from triplane.data.instruments import Instrument
from triplane.engine.account import Account, read_record
from triplane.engine.beginning import Opened, open_session
from triplane.engine.journal import Journal, JournalError, Kind, Reader
from triplane.engine.lock import FolderHeld
from triplane.engine.session import JOURNAL, Session
from triplane.engine.settings import CostSettings, TradingSettings
from triplane.engine.verify import verify
from triplane.errors import BadInput, TriplaneError
from triplane.kernel.codes import CommandKind, Reason
from triplane.kernel.inputs import COMMAND


class Life:
    """Sessions one after the other in one data folder."""

    def __init__(self, folder: Path, core: Any, make_setup: Any, candles: Any) -> None:
        self.data, self.core, self.make_setup, self.candles = folder, core, make_setup, candles
        self.sessions = folder / "sessions"

    def open(self, symbols: int = 1, **changes: Any) -> Opened:
        return open_session(self.sessions, self.make_setup(symbols, **changes), self.core)

    def run(self, opened: Opened, first: int, last: int) -> Session:
        session = opened.session
        for i in range(first, last):
            session.feed_candle(0, self.candles, i)
        return session

    def path(self) -> Path:
        (path,) = self.data.glob("accounts/paper-*-main/record.json")
        return path

    def record(self) -> Any:
        record = read_record(self.path())
        assert record is not None
        return record

    def halted(self) -> Session:
        """A session that has been halted for the day's loss, at 400 below its start, and is stopped."""
        session = self.run(self.open(), 0, 20)
        account = session.A[0]
        account["halted"], account["halt_code"] = 1, Reason.DAILY_LOSS
        account["balance"] = account["equity"] = 9_600.0
        account["peak_equity"], account["day"], account["day_equity"], account["trades_today"] = 10_050.0, 7, 1e4, 4
        session.close()
        return session


@pytest.fixture
def life(tmp_path: Path, core: Any, make_setup: Any, make_candles: Any) -> Life:
    return Life(tmp_path, core, make_setup, make_candles(100))


def test_other_limits_and_costs_amend_the_same_session_in_its_journal(life: Life) -> None:
    first = life.run(life.open(trading=TradingSettings(daily_loss_quote=500)), 0, 20)
    first.close()
    opened = life.open(trading=TradingSettings(daily_loss_quote=400), costs=CostSettings(leverage=2))
    assert (opened.continued, opened.session.id) == (True, first.id)
    assert "daily_loss_quote 500.0 -> 400.0" in opened.notice
    assert "leverage 1.0 -> 2.0" in opened.notice
    session = life.run(opened, 20, 40)
    assert session.S[0]["core"]["limits"]["daily_loss_quote"] == 400
    assert session.S[0]["core"]["costs"]["leverage"] == 2
    session.close()
    again = life.open(trading=TradingSettings(daily_loss_quote=400), costs=CostSettings(leverage=2))
    assert (again.continued, again.notice) == (True, "")
    assert again.session.A[0]["equity"] == session.A[0]["equity"]
    again.session.close()
    assert verify(first.folder, life.core).ok


def test_limits_that_were_changed_while_it_ran_stay_under_the_same_settings(life: Life) -> None:
    first = life.run(life.open(), 0, 20)
    first.set_limits(TradingSettings(daily_loss_quote=300))
    first.close()
    again = life.open()
    assert again.session.trading.daily_loss_quote == 300
    assert again.session.setup.trading.daily_loss_quote == 0
    again.session.close()


@pytest.mark.parametrize("change", [{"fixed_lots": 7}, {"data": {"regime": 1}}, {"symbols": 2}])
def test_another_undertaking_goes_on_with_the_account_as_it_is(life: Life, change: dict[str, Any]) -> None:
    before = life.halted()
    opened = life.open(**change)
    account = opened.session.A[0]
    assert not opened.continued
    assert opened.session.id != before.id
    assert account["halted"] == 1
    assert account["halt_code"] == Reason.DAILY_LOSS
    assert account["balance"] == account["equity"] == 9_600.0
    assert (account["peak_equity"], account["day"], account["day_equity"], account["trades_today"]) == (
        10_050.0, 7, 1e4, 4,
    )  # fmt: skip
    assert "9,600.00" in opened.notice
    assert "halted (daily_loss)" in opened.notice
    opened.session.close()
    again = life.open(**change)  # and its own journal holds what it began with
    assert (again.continued, again.session.id) == (True, opened.session.id)
    assert (again.session.A["halted"], again.session.A["balance"]) == (1, 9_600.0)
    again.session.close()


def test_a_balance_is_for_an_account_that_begins_anew(life: Life) -> None:
    first = life.run(life.open(balance=5_000.0), 0, 20)
    first.close()
    again = life.open(balance=6_000.0)
    assert again.continued
    assert "It keeps its money: a balance of 6,000.00 is for an account that begins anew" in again.notice
    assert again.session.A[0]["balance"] == 5_000
    again.session.close()
    other = life.open(balance=6_000.0, data={"regime": 1})
    assert other.session.A[0]["balance"] == 5_000
    assert "goes on with 5,000.00" in other.notice
    other.session.close()


def test_another_name_is_another_account(life: Life) -> None:
    life.halted()
    other = life.open(account="second").session
    assert other.A[0]["halted"] == 0
    assert other.A[0]["balance"] == 10_000
    other.close()


def test_an_account_that_is_not_flat_is_not_handed_to_another_undertaking(life: Life) -> None:
    session = life.run(life.open(), 0, 20)
    position = session.S[0]["core"]["position"]
    position["lots"], position["entry_price"] = -150_000_000, 20.0
    session.close()
    told = r"not flat: short 1\.5 S0USDT at 20\. Session .* trades it: .* `triplane accounts reset main`\."
    with pytest.raises(TriplaneError, match=told):
        life.open(data={"regime": 1})
    again = life.open()
    assert again.continued
    again.session.close()


def test_a_working_entry_ends_with_its_session_on_paper_and_not_at_a_venue(life: Life) -> None:
    for mode in ("paper", "testnet"):
        session = life.run(life.open(mode=mode), 0, 20)
        session.S[0]["core"]["legs"][0]["order"] = 3
        session.close()
    life.open(data={"regime": 1}).session.close()
    with pytest.raises(
        TriplaneError, match=r"an entry in S0USDT is working\..* `triplane accounts settled --mode testnet main`"
    ):
        life.open(mode="testnet", data={"regime": 1})


def test_data_that_has_ended_leaves_a_fresh_account_of_the_next_epoch(life: Life) -> None:
    session = life.run(life.open(), 0, 20)
    session.A[0]["halted"] = 1
    session.finish()
    session.close()
    fresh = life.open()
    assert not fresh.continued
    assert (fresh.session.A[0]["halted"], fresh.session.A[0]["epoch"]) == (0, 1)
    fresh.session.close()


def test_on_paper_a_further_session_takes_the_next_account_and_finds_it_again(life: Life) -> None:
    first, second = life.open(), life.open(data={"regime": 1})
    assert [one.session.setup.account for one in (first, second)] == ["main", "main-2"]
    for one in (first, second):
        one.session.close()
    again = life.open(data={"regime": 1})  # though main is free now
    assert (again.continued, again.session.id) == (True, second.session.id)
    with pytest.raises(FolderHeld, match="running"):
        life.open(data={"regime": 1})
    again.session.close()


def test_an_account_with_a_name_is_traded_by_name_only(life: Life) -> None:
    life.open(account="two").session.close()
    for _ in range(2):  # the same undertaking
        opened = life.open()
        assert opened.session.setup.account == "main"
        opened.session.close()
    again = life.open(account="two")
    assert again.continued
    again.session.close()


def test_a_main_account_that_was_begun_anew_is_traded_next(life: Life) -> None:
    first, second = life.open(data={"regime": 1}), life.open()
    for one in (first, second):
        one.session.close()
    account = Account(life.data, "paper", first.session.setup.source, "main")
    account.write(structs.replace(account.record, session="", state={"epoch": 1}, held={}))
    third = life.open()  # while it is held, the other
    assert (third.continued, third.session.setup.account) == (True, "main-2")
    third.session.close()
    account.release()
    opened = life.open()
    assert (opened.continued, opened.session.setup.account, opened.session.A["epoch"]) == (False, "main", 1)
    opened.session.close()


def test_a_further_session_takes_no_account_that_waits_for_another(life: Life) -> None:
    first, second = life.open(), life.run(life.open(data={"regime": 1}), 0, 20)
    second.S[0]["core"]["position"]["lots"] = 5
    second.close()
    third = life.open(data={"regime": 2})
    assert third.session.setup.account == "main-3"
    again = life.open(data={"regime": 1})
    assert (again.continued, again.session.id) == (True, second.id)
    for one in (first, third, again):
        one.session.close()


def test_two_sessions_never_trade_one_account(life: Life) -> None:
    first = life.open(account="a")
    with pytest.raises(FolderHeld, match=r"Account a .* is traded by another session"):
        life.open(account="a", data={"regime": 1})
    first.session.close()
    venue = life.open(mode="testnet")
    with pytest.raises(FolderHeld, match=r"Account main .* is traded by another session"):
        life.open(mode="testnet", data={"regime": 1})
    venue.session.close()


@pytest.mark.parametrize("name", ["A", "../x", "a b", "x" * 33, "-a"])
def test_a_name_that_cannot_be_one_is_refused(life: Life, name: str) -> None:
    with pytest.raises(BadInput, match=r"account is .* it must be 1 to 32"):
        life.open(account=name)


def test_a_journal_that_was_cut_changed_or_taken_away_is_told(life: Life) -> None:
    session = life.run(life.open(), 0, 60)
    session.close()
    path = session.folder / JOURNAL
    whole = path.read_bytes()
    frames = list(Reader(path))
    for end in (frames[-1].offset, frames[40].offset, frames[3].offset):
        path.write_bytes(whole[:end])
        with pytest.raises(JournalError, match="was cut"):
            life.open()
        with pytest.raises(JournalError, match="was cut"):
            verify(session.folder, life.core)
    path.write_bytes(b"")
    with pytest.raises(JournalError):
        life.open()
    shutil.rmtree(session.folder)
    with pytest.raises(TriplaneError, match=r"is gone.*not silently begun anew"):
        life.open()


def test_a_journal_that_was_written_again_with_other_candles_is_told(life: Life) -> None:
    session = life.run(life.open(), 0, 60)
    session.close()
    path = session.folder / JOURNAL
    meta = Reader(path).meta
    path.unlink()
    other = Session(session.folder, meta, life.core)
    other._journal = Journal.create(path, meta)
    life.candles["close"] += 1
    for i in range(80):
        other.feed_candle(0, life.candles, i)
    other.close()
    with pytest.raises(JournalError, match="digest differs"):
        life.open()


def test_a_crash_loses_nothing_of_the_account(life: Life) -> None:
    """What was appended after the account was written last is replayed; a torn end is no cut."""
    session = life.run(life.open(), 0, 30)
    session.journal.flush()
    session.keep(session.journal.anchor())
    life.run(Opened(session, True, ""), 30, 60)
    session._journal = None
    session.close()
    with (session.folder / JOURNAL).open("ab") as file:
        file.write(b"\x05\0\0\0torn")
    again = life.open()
    assert again.continued
    assert again.session.candles == 60
    again.session.close()


def test_a_damaged_record_is_told_and_may_be_given_up(life: Life) -> None:
    life.halted()
    path = life.path()
    content = path.read_bytes()
    for damaged in (content[:-20], b"", content.replace(b"9600.0", b"9900.0"), b"[]"):
        path.write_bytes(damaged)
        with pytest.raises(TriplaneError, match="damaged"):
            life.open()
    path.write_bytes(content)
    assert life.record().halt_reason == "daily_loss"


def test_the_record_holds_what_is_open(life: Life) -> None:
    session = life.run(life.open(), 0, 20)
    position = session.S[0]["core"]["position"]
    position["lots"], position["entry_price"], position["stop"] = 50_000_000, 20.0, 19.0
    session.keep()
    (held,) = life.record().held.values()
    assert (held.quantity, held.entry_price, held.stop, held.entry_working) == (0.5, 20.0, 19.0, False)
    session.close()


def test_an_account_is_let_go_of_when_a_session_cannot_be_opened(life: Life) -> None:
    life.sessions.parent.mkdir(exist_ok=True)
    life.sessions.write_text("a file")
    with pytest.raises(TriplaneError, match="cannot be created"):
        life.open()
    Account(life.data, "paper", "", "main").release()


def test_more_than_one_candle_at_once(life: Life) -> None:
    session = life.open().session
    session.feed_batch(np.zeros(50, np.int64), life.candles[:50])
    session.close()
    anchor = life.record().journals[session.id]
    assert anchor == Reader(session.folder / JOURNAL).chain()


def test_limits_that_a_person_tightened_stay_under_other_settings(life: Life) -> None:
    first = life.run(life.open(trading=TradingSettings(max_trades_day=5)), 0, 20)
    first.set_limits(TradingSettings(max_open_positions=1, risk_per_trade=0.001, execution_mode="manual"))
    first.close()
    opened = life.open(trading=TradingSettings(max_trades_day=4))
    now = opened.session.trading
    assert (now.max_trades_day, now.max_open_positions, now.risk_per_trade, now.execution_mode) == (
        4,
        1,
        0.001,
        "manual",
    )
    assert opened.session.setup.trading == TradingSettings(max_trades_day=4)
    assert opened.notice == f"Session {first.id} goes on with other settings: max_trades_day 5 -> 4."
    opened.session.close()
    again = life.open(trading=TradingSettings(max_trades_day=4))
    assert again.session.trading == now
    again.session.close()


def test_at_a_venue_a_halt_is_not_left_by_another_name(life: Life) -> None:
    life.open(mode="live").session.close()
    with pytest.raises(BadInput, match="at a venue there is one, main: leave it out"):
        life.open(mode="live", account="b")


def test_a_halt_that_the_journal_has_lost_is_still_one(life: Life) -> None:
    """The journal was cut where it was last on the disk, and the halt came after that."""
    session = life.run(life.open(), 0, 30)
    session.journal.sync()
    session.keep(session.journal.anchor())
    safe = session.journal.size
    life.run(Opened(session, True, ""), 30, 60)
    session.A[0]["halted"], session.A[0]["halt_code"] = 1, Reason.DAILY_LOSS
    session.keep()
    session._journal = None
    session.close()
    path = session.folder / JOURNAL
    path.write_bytes(path.read_bytes()[:safe])
    again = life.open()
    assert again.continued
    assert "was halted (daily_loss), and is until a person resumes" in again.notice
    (command,) = [f for f in Reader(path) if f.kind == Kind.COMMAND]
    told = np.frombuffer(command.payload, COMMAND)[0]
    assert (told["kind"], told["code"]) == (CommandKind.HALT, Reason.DAILY_LOSS)
    again.session.close()


def test_an_account_that_has_lost_its_record_goes_on_with_the_journal_or_says_so(life: Life) -> None:
    session = life.run(life.open(), 0, 20)
    session.close()
    shutil.rmtree(life.data / "accounts")
    again = life.open()
    assert (again.continued, again.session.id) == (True, session.id)
    again.session.close()
    shutil.rmtree(life.data / "accounts")
    other = life.open(data={"regime": 1})
    assert f"has no record, though session {session.id} traded on it" in other.notice
    other.session.close()


def test_a_venue_that_changes_its_minimums_does_not_end_a_session(life: Life) -> None:
    session = life.run(life.open(mode="testnet"), 0, 20)
    session.S[0]["core"]["position"]["lots"] = 5
    session.close()
    setup = life.make_setup(mode="testnet")
    changed = Instrument.from_dict({**setup.instruments[0].to_dict(), "min_notional": "20"})
    again = open_session(life.sessions, dataclasses.replace(setup, instruments=(changed,)), life.core)
    assert again.continued
    assert "the venue's trading rules" in again.notice
    assert again.session.S[0]["core"]["instrument"]["min_notional"] == 20
    again.session.close()


def test_what_is_open_on_paper_is_closed_in_the_books_when_the_rules_have_changed(
    life: Life, monkeypatch: pytest.MonkeyPatch
) -> None:
    session = life.run(life.open(), 0, 20)
    session.S[0]["core"]["position"]["lots"] = 5
    session.A[0]["balance"], session.A[0]["equity"] = 9_500.0, 9_400.0
    session.close()
    with monkeypatch.context() as newer:
        newer.setattr("triplane.engine.replay.RULES", 99)
        with pytest.raises(TriplaneError, match="not flat"):
            life.open(data={"regime": 1})
        opened = life.open()
        assert not opened.continued
        assert "made by version" in opened.notice
        assert "goes on with 9,400.00" in opened.notice
        assert "closed in its books at the last price" in opened.notice
        assert opened.session.A[0]["balance"] == 9_400.0
        opened.session.close()


def test_the_end_of_the_data_counts_though_the_account_had_not_heard_of_it(life: Life) -> None:
    session = life.run(life.open(), 0, 20)
    session.S[0]["core"]["position"]["lots"] = 5
    session.keep()
    (path,) = life.data.glob("accounts/*/record.json")
    before = path.read_bytes()
    session.finish()
    session.close()
    path.write_bytes(before)
    fresh = life.open()
    assert not fresh.continued
    assert fresh.session.A[0]["epoch"] == 1
    fresh.session.close()


def test_a_record_that_is_no_file_or_makes_no_sense_is_told(life: Life) -> None:
    life.halted()
    path = life.path()
    account = Account(life.data, "paper", "", "main")
    account.write(structs.replace(account.record, state={"halted": 1, "halt_code": 999}))
    account.release()
    with pytest.raises(TriplaneError, match="damaged"):
        life.open()
    path.unlink()
    os.mkfifo(path)
    with pytest.raises(TriplaneError, match="not a file"):
        life.open()
