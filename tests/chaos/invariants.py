"""What must be true of a simulation after every schedule, whatever has happened in it."""

from collections import Counter
from typing import TYPE_CHECKING

from triplane.exchange.control import account_state
from triplane.execution.ids import parse_client_id
from triplane.execution.messages import trade_number
from triplane.kernel.codes import CommandKind, Leg

if TYPE_CHECKING:
    from simulation import Simulation

STOP_WITHIN = 500
"""Milliseconds within which a stop rests after a fill, with a network of at most 150 ms."""


def problems(sim: "Simulation") -> list[str]:
    """Every sentence is a broken invariant."""
    before = sim.changes()
    sim._until(sim.clock.now + 30_000, market=False)
    found = [
        *one_order_per_intent(sim),
        *books_equal_venue(sim),
        *every_fill_once(sim),
        *covered(sim),
        *sim.breaches,
    ]
    plan = sim.plan
    if not (plan.faults or plan.kills or plan.actions or plan.slow) and sim.longest_naked > STOP_WITHIN:
        found.append(f"a position lay open without a stop for {sim.longest_naked} ms although nothing went wrong")
    if sim.changes() != before:
        found.append("a further reconciliation changed the blotter")
    if not sim.manager.reconciler.ready(0):
        found.append("the blotter never agreed with the venue in the end")
    return found


def one_order_per_intent(sim: "Simulation") -> list[str]:
    """At most one venue order for each client id of ours; the child of a conditional order is the same order."""
    state = account_state(sim.account)
    plain = Counter(o["clientOrderId"] for o in state["orders"])
    algos = Counter(o["clientAlgoId"] for o in state["algoOrders"])
    ours = [name for name in plain | algos if parse_client_id(sim.session.id, name) is not None]
    return [f"{name} became {plain[name]} orders and {algos[name]} conditional ones" for name in ours
            if plain[name] > 1 or algos[name] > 1]  # fmt: skip


def books_equal_venue(sim: "Simulation") -> list[str]:
    """Position and balance of the ledger are the venue's."""
    position = sim.account.positions.get((sim.market.symbol, "BOTH"))
    theirs = position.lots if position else 0
    ours = int(sim.session.S[0]["core"]["position"]["lots"])
    wallet = float(account_state(sim.account)["balance"])
    balance = float(sim.session.A[0]["balance"])
    out = []
    if ours != theirs:
        out.append(f"the ledger holds {ours} lots, the venue {theirs}")
    if sim.manager.blotter.held[0] != ours:
        out.append(f"the order manager holds {sim.manager.blotter.held[0]} lots, the ledger {ours}")
    if abs(wallet - balance) > 0.011:
        out.append(f"the ledger has {balance}, the wallet {wallet}")
    return out


def every_fill_once(sim: "Simulation") -> list[str]:
    """Each execution at the venue is in the journal exactly once, with its quantity, and nothing else is."""
    truth = {f.id: f for f in sim.account.fills}
    lots: Counter[int] = Counter()
    times: Counter[int] = Counter()
    adjusted = 0
    for kind, command in sim.commands():
        if kind == CommandKind.FILL:
            if command["trade"] == 0:
                adjusted += 1
                continue
            times[int(command["trade"])] += 1
            lots[int(command["trade"])] += int(command["lots"])
    out = [f"execution {trade} was counted {n} times" for trade, n in times.items() if n != 1]
    out += [f"execution {trade} was made up" for trade in times if trade not in {trade_number(str(i)) for i in truth}]
    missing = [i for i in truth if trade_number(str(i)) not in times]
    if missing and not adjusted:
        out.append(f"executions {missing} were never counted")
    if adjusted:
        out.append(f"{adjusted} adjustments although every execution could be asked for (missing {missing})")
    return out


def covered(sim: "Simulation") -> list[str]:
    """An open position has a live stop over all of it, or is on its way out; flat leaves no conditional order."""
    position = sim.account.positions.get((sim.market.symbol, "BOTH"))
    lots = position.lots if position else 0
    live = [a for a in sim.account.algos.values() if a.open]
    mine = [a for a in live if parse_client_id(sim.session.id, a.request.client_id) is not None]
    if lots == 0:
        wanted = {
            o.client_id for o in sim.manager.blotter.live(0) if o.leg == Leg.ENTRY and sim.manager.blotter.is_wanted(o)
        }
        rest = [a.request.client_id for a in mine if a.request.client_id not in wanted]
        return [f"flat, and {rest} rest"] if rest else []
    stops = [a for a in mine if a.request.type == "STOP_MARKET" and a.request.side * lots < 0]
    resting = max((a.request.lots for a in stops), default=0)
    leaving = [o for o in sim.manager.blotter.live(0) if o.leg == Leg.EXIT]
    out = []
    if resting < abs(lots) and not leaving:
        out.append(f"{lots} lots are open, and the largest stop covers {resting}")
    if len(stops) > 1:
        out.append(f"{len(stops)} stops rest")
    return out
