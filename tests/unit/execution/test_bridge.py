"""Between a session and the order manager: intents in, reports out."""

import numpy as np
import pytest
from harness import Harness, Session

from triplane.execution import messages as m
from triplane.execution.bridge import SessionBridge
from triplane.kernel.codes import CommandKind, Leg
from triplane.kernel.records import CANDLE


def test_intents_of_a_replay_are_not_sent_but_looked_up():
    harness = Harness()
    bridge = SessionBridge(harness.manager, harness.now)
    row = placed_row()
    bridge.on_moment(None, np.zeros(1, np.int64), np.zeros(1, CANDLE), row)
    harness.reports()
    bridge.live()
    bridge.live()  # twice does no harm
    harness.stream()
    assert [type(r) for r in harness.plan(400) if not isinstance(r, m.TakeSnapshot)] == [m.QueryOrder]


def test_intents_of_a_live_session_are_sent():
    harness = Harness().ready()
    bridge = SessionBridge(harness.manager, harness.now)
    bridge.live()
    bridge.now = harness.now
    bridge.on_batch(None, None, None, placed_row(), None)
    assert [type(r) for r in harness.plan()] == [m.PlaceOrder]


def placed_row():
    harness, rows = Harness(), []
    harness.manager.on_rows = lambda row, now, again: rows.append(row)
    with pytest.raises(KeyError):  # nobody took it
        harness.place(Leg.ENTRY, 1)
    return rows[0]


def test_reports_become_commands_in_their_order():
    harness = Harness()
    bridge, session = SessionBridge(harness.manager, 1), Session()
    for kind in (CommandKind.FILL, CommandKind.ORDER_END, CommandKind.GATE):
        harness.manager.reports.report(m.CoreReport(kind, 0, {}))
    harness.manager.reports.report(m.CoreReport(CommandKind.FILL, 0, {}), 2)
    bridge.pump(session)
    assert [kind for kind, _ in session.commands] == [CommandKind.FILL, CommandKind.ORDER_END, CommandKind.GATE]
    bridge.now = 2
    bridge.pump(session)
    assert [kind for kind, _ in session.commands][3:] == [CommandKind.FILL]
