"""However a session is fed, cut and continued, it is the same session."""

import tempfile
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from triplane.data.generator import demo_instrument, generate
from triplane.engine.journal import Kind, Reader
from triplane.engine.session import JOURNAL, Session
from triplane.engine.settings import TradingSettings
from triplane.engine.setup import Setup
from triplane.engine.verify import verify
from triplane.kernel.codes import CommandKind, RowKind
from triplane.kernel.rows import OUTPUT
from triplane.strategies.registry import find

N = 900
SYMBOLS = ("BTCUSDT", "ETHUSDT")
START = 1_735_689_600_000


@lru_cache(maxsize=1)
def world() -> tuple[Setup, Any, Any, Any]:
    """Setup, core, and the candles of two symbols in the order in which they come."""
    limits = TradingSettings(max_trades_day=1000, cooldown_bars=0, daily_loss_share=0, max_drawdown=0)
    setup = Setup(
        "ema_cross",
        find("ema_cross").resolve({"fast": 3, "slow": 7}),
        tuple(demo_instrument(s) for s in SYMBOLS),
        60_000,
        60_000,
        trading=limits,
    )
    markets = [generate(5, START, N, symbol=s) for s in SYMBOLS]
    candles = np.stack(markets, axis=1).reshape(-1)
    return setup, setup.core(), np.tile(np.arange(2), N), candles


def do_command(session: Session, at: int) -> None:
    """A command that depends on the place alone."""
    kind = (CommandKind.GATE, CommandKind.CLOSE, CommandKind.GATE)[at % 3]
    price = float(session.S[at % 2]["core"]["last"]["close"])
    session.command(kind, at % 2, code=2, flag=at % 2, price=price)


@lru_cache(maxsize=32)
def undisturbed(commands: frozenset[int]) -> tuple[bytes, bytes, bytes, str]:
    setup, core, which, candles = world()
    with tempfile.TemporaryDirectory() as folder:
        session = Session.create(Path(folder), setup, core)
        for i in range(0, len(candles), 2):
            if i in commands:
                do_command(session, i)
            session.feed_moment(which[i : i + 2], candles[i : i + 2])
        session.finish()
        session.close()
        return told(session)


def told(session: Session) -> tuple[bytes, bytes, bytes, str]:
    rows = b"".join(bytes(f.payload) for f in Reader(session.folder / JOURNAL) if f.kind == Kind.OUTPUT)
    return session.A.tobytes(), session.S.tobytes(), rows, session.decisions.hexdigest()


def behind(session: Session) -> int:
    """Number of the next candle, from what the session itself knows."""
    return sum((last - START) // 60_000 + 1 if last >= 0 else 0 for last in session.last_open)


LIFE = st.tuples(
    st.integers(1, 450).map(lambda n: 2 * n), st.booleans(), st.none() | st.integers(0, 300), st.booleans()
)
"""Candles to take, whether in a batch, the bytes that a kill tears off (None: no kill), and how it is made again."""


@settings(max_examples=25, deadline=None)
@given(
    commands=st.sampled_from([frozenset[int](), frozenset({300, 302, 700, 1200, 1502})]),
    lives=st.lists(LIFE, max_size=12),
)
def test_pieces_and_kills_do_not_matter(
    commands: frozenset[int], lives: list[tuple[int, bool, int | None, bool]]
) -> None:
    setup, core, which, candles = world()
    ahead_of_us = iter(lives)
    total = len(candles)
    with tempfile.TemporaryDirectory() as folder:
        session = Session.create(Path(folder), setup, core)
        given_commands: set[int] = set()
        while (at := behind(session)) < total:
            if at in commands and at not in given_commands:
                do_command(session, at)
                given_commands.add(at)
            ahead = min((c for c in commands if c > at), default=total)
            n, batch, torn, one_by_one = next(ahead_of_us, (total, True, None, False))
            end = min(at + n, ahead)
            if batch:
                session.feed_batch(which[at:end], candles[at:end])
            else:
                for i in range(at, end, 2):  # however the two of one time arrive
                    session.feed_moment(which[i : i + 2][::-1], candles[i : i + 2][::-1])
            if torn is not None:
                session.close()
                path = session.folder / JOURNAL
                reader = Reader(path)
                frames = list(reader)
                # what a crash can take: the last rows, and a piece of the last input
                last = next((f.offset for f in reversed(frames) if f.kind in (Kind.CANDLES, Kind.MOMENT)), reader.end)
                size = max(last, path.stat().st_size - torn)
                del frames
                with path.open("r+b") as file:
                    file.truncate(size)
                session = Session.resume(session.folder, core, one_by_one=one_by_one)
                given_commands = {c for c in given_commands if c <= behind(session)}
        session.finish()
        session.close()

        assert told(session) == undisturbed(commands)
        assert verify(session.folder, core).ok


def test_the_market_of_these_tests_trades() -> None:
    rows = np.frombuffer(undisturbed(frozenset())[2], OUTPUT)

    assert np.count_nonzero(rows["kind"] == RowKind.TRADE) > 20
    assert set(rows["symbol"].tolist()) == {0, 1}
