"""A session's views are a function of its facts: in which pieces they come, and who listens, changes nothing."""

from collections.abc import Sequence
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from journals import again

from triplane.api.messages import MessageLog
from triplane.api.replica.registry import Replicas
from triplane.api.replica.session import SessionReplica
from triplane.api.replica.views import EngineState
from triplane.api.replica.watch import EngineWatch
from triplane.engine.facts import facts_of
from triplane.model.facts import Fact, Trade
from triplane.model.live import ENCODER

NAMES = ("ema_cross", "box_ema_cross")
LONGEST = 4000
OK = EngineState(state="ok", heard_s=0.0, text="")


@cache
def facts(name: str) -> Sequence[Fact]:
    """The first facts of a recorded session."""
    with TemporaryDirectory() as folder:
        again(name, Path(folder))
        found = []
        for fact in facts_of(Path(folder)):
            found.append(fact)
            if len(found) == LONGEST:
                break
        return tuple(found)


def views(replica: SessionReplica) -> list[bytes]:
    """Everything that is shown, as it is shown."""
    symbol = replica.session.symbols[0]
    shown: list[Any] = [
        replica.status(symbol, OK), replica.portfolio(), replica.performance(), replica.signal_check(symbol, None),
        replica.history(symbol, 2000), replica.equity_curve(1000), replica.view(), replica.feed(),
        replica.pending_signals(), list(replica.log),
    ]  # fmt: skip
    return [ENCODER.encode(one) for one in shown]


@cache
def one_by_one(name: str, length: int) -> list[bytes]:
    """Each fact by itself, with somebody who listens."""
    first, *rest = facts(name)[:length]
    replica = SessionReplica(first)  # type: ignore[arg-type]
    for fact in rest:
        replica.take([fact], lambda *_: None)
    return views(replica)


@pytest.mark.parametrize("name", NAMES)
@settings(max_examples=15, deadline=None)
@given(data=st.data())
def test_pieces_do_not_matter(name: str, data: st.DataObject) -> None:
    length = data.draw(st.sampled_from([50, 1500, LONGEST]))
    cuts = sorted(data.draw(st.sets(st.integers(1, length - 1), max_size=40)))
    messages = MessageLog(0)
    replicas = Replicas(messages, EngineWatch())
    told = facts(name)[:length]
    for begin, end in zip([0, *cuts], [*cuts, len(told)], strict=True):
        if told[begin:end]:
            replicas.on_facts(told[begin:end])
    assert views(replicas.get(None)) == one_by_one(name, length)


def test_the_recorded_sessions_traded() -> None:
    assert all(any(isinstance(fact, Trade) for fact in facts(name)) for name in NAMES)
