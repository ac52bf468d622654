"""The blotter of a session: its orders, each of its executions once, and the position that results."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from triplane.data.instruments import Instrument
from triplane.execution.ids import OrderName, parse_client_id
from triplane.execution.messages import CoreReport, trade_number
from triplane.execution.orders import Fate, WorkingOrder
from triplane.kernel.codes import CommandKind, Leg, Reason
from triplane.venues.base import ZERO, Capabilities, Cause, Execution, NewOrder, OrderReport

KEPT: Final = 5_000
"""Orders that are kept after they are done."""


@dataclass(slots=True)
class Orphan:
    """An execution whose order is not known yet."""

    fill: Execution
    until: int


class Blotter:
    """All orders of a session.

    Attributes
    ----------
    orders : dict
        By client id.
    wanted : dict
        The order that the core wants now, by symbol number and leg.
    held : list of int
        Signed lots of each symbol: the sum of the executions that were reported to the core.
    activity : list of int
        Grows with everything that may change a position.
    """

    def __init__(self, session_id: str, instruments: Sequence[Instrument], capabilities: Capabilities) -> None:
        self.session_id = session_id
        self.instruments = tuple(instruments)
        self.capabilities = capabilities
        self.index = {instrument.symbol: k for k, instrument in enumerate(instruments)}
        self.orders: dict[str, WorkingOrder] = {}
        self.wanted: dict[tuple[int, int], WorkingOrder] = {}
        self.held = [0] * len(self.instruments)
        self.activity = [0] * len(self.instruments)
        self.last_fill = [0] * len(self.instruments)
        self.orphans: list[list[Orphan]] = [[] for _ in self.instruments]
        self._by_venue_id: dict[tuple[str, str], WorkingOrder] = {}
        self._seen: set[tuple[int, int]] = set()
        self._live: list[dict[str, WorkingOrder]] = [{} for _ in self.instruments]

    # --------------------------------------------------------------------------------------------------------- orders
    def add(self, order: WorkingOrder) -> WorkingOrder:
        self.orders[order.client_id] = order
        self._live[order.k][order.client_id] = order
        return order

    def live(self, k: int) -> list[WorkingOrder]:
        """Orders of symbol ``k`` that are not done."""
        return [order for order in self._live[k].values() if order.fate is not Fate.DONE]

    def close(self, order: WorkingOrder) -> None:
        order.fate = Fate.DONE
        self._live[order.k].pop(order.client_id, None)
        if len(self.orders) > 2 * KEPT:
            self._forget()
        if self.wanted.get((order.k, order.leg)) is order:
            del self.wanted[order.k, order.leg]

    def _forget(self) -> None:
        """Forget the oldest orders that are done."""
        for client_id in list(self.orders)[: len(self.orders) - KEPT]:
            order = self.orders[client_id]
            if order.fate is Fate.DONE:
                del self.orders[client_id]
                for venue_id in order.ids():
                    self._by_venue_id.pop((order.new.symbol, venue_id), None)

    def is_wanted(self, order: WorkingOrder) -> bool:
        return self.wanted.get((order.k, order.leg)) is order

    def find(self, symbol: str, client_id: str, *venue_ids: str) -> WorkingOrder | None:
        """The order with one of these ids."""
        found = self.orders.get(client_id)
        for venue_id in venue_ids:
            found = found or (self._by_venue_id.get((symbol, venue_id)) if venue_id else None)
        return found

    def learn(self, report: OrderReport, now: int) -> WorkingOrder | None:
        """Record what the venue says of an order; None when it is not one of this session's."""
        order = self.find(report.symbol, report.client_id, report.venue_id, report.child_id)
        if order is None:
            order = self._recognise(report, now)
        if order is not None and order.fate is not Fate.DONE:
            if order.accepted is False or report.status.final or report.filled > order.filled:
                self.activity[order.k] += 1
            order.learn(report, now)
            for venue_id in order.ids():
                self._by_venue_id[order.new.symbol, venue_id] = order
        return order

    def revive(self, report: OrderReport, now: int) -> None:
        """Reopen an order that is listed as working although it was thought to be over.

        Its request arrived late, or it is from an earlier process. It is not wanted, so it will be cancelled.
        """
        order = self.orders.get(report.client_id)
        if order is not None and order.fate is Fate.DONE and not report.status.final:
            order.fate, order.status, order.reported = Fate.OPEN, None, True
            order.accepted, order.cancel_at, order.next_at = True, now, 0
            self._live[order.k][order.client_id] = order
            self.activity[order.k] += 1

    def _recognise(self, report: OrderReport, now: int) -> WorkingOrder | None:
        """An unknown order with an id of this session: an older revision, from before a restart."""
        name = parse_client_id(self.session_id, report.client_id)
        if name is None or report.status.final or self.index.get(report.symbol) != name.symbol:
            return None
        new = NewOrder(report.client_id, report.symbol, report.side, report.type, report.quantity, report.price,
                       report.trigger, report.reduce_only)  # fmt: skip
        return self.add(WorkingOrder(new, name.symbol, name.leg, name.number, name.revision, now, report.updated))

    def resting_stop(self, k: int, beside: WorkingOrder | None = None) -> WorkingOrder | None:
        """The newest stop (other than ``beside``) that is known to rest at the venue for the whole position."""
        lots = self.held[k]
        resting = [
            o
            for o in self.live(k)
            if o.leg == Leg.STOP and o is not beside and o.alive and o.accepted and not o.cancelling
            if o.new.side * lots <= 0 and self.instruments[k].lots(o.new.quantity) >= abs(lots)
        ]
        return max(resting, key=lambda o: (o.number, o.revision), default=None)

    # ----------------------------------------------------------------------------------------------------- executions
    def is_new(self, fill: Execution) -> bool:
        """Whether an execution has not been counted yet."""
        return (self.index[fill.symbol], trade_number(fill.trade_id)) not in self._seen

    def seen(self, k: int, trade: int, side: int, lots: int, time: int) -> None:
        """Count an execution from the journal (after a restart)."""
        if trade:
            self._seen.add((k, trade))
        self.held[k] += side * lots
        self.last_fill[k] = max(self.last_fill[k], time)

    def take(self, fill: Execution, now: int, timeouts: int, *, again: bool = False) -> list[CoreReport]:
        """Count one execution; returns the reports for the core. ``again``: it was an orphan."""
        k = self.index.get(fill.symbol)
        if k is None or not self.is_new(fill):
            return []
        order = self.find(fill.symbol, fill.client_id, fill.venue_order_id)
        if order is None and fill.cause is Cause.NONE and not again and self._may_be_ours(k, fill):
            self.orphans[k].append(Orphan(fill, now + timeouts))
            self.activity[k] += 1
            return []
        return [self._count(k, fill, order)]

    def _may_be_ours(self, k: int, fill: Execution) -> bool:
        """Whether its order may still turn out to be ours: sent or triggered, and its venue id not known."""
        if fill.client_id and parse_client_id(self.session_id, fill.client_id) is not None:
            return True
        return any(
            o.fate in (Fate.SENT, Fate.UNKNOWN) or (o.conditional and not o.child_id) or not o.venue_id
            for o in self.live(k)
        )

    def adopt_orphans(self, k: int, now: int) -> list[CoreReport]:
        """Count executions whose order has become known, or whose time has run out."""
        waiting, self.orphans[k] = self.orphans[k], []
        out: list[CoreReport] = []
        for orphan in waiting:
            known = self.find(orphan.fill.symbol, orphan.fill.client_id, orphan.fill.venue_order_id)
            if known is None and now < orphan.until and self._may_be_ours(k, orphan.fill):
                self.orphans[k].append(orphan)
            else:
                out += self.take(orphan.fill, now, 0, again=True)
        return out

    def _count(self, k: int, fill: Execution, order: WorkingOrder | None) -> CoreReport:
        self._seen.add((k, trade_number(fill.trade_id)))
        self.activity[k] += 1
        self.last_fill[k] = max(self.last_fill[k], fill.time)
        instrument = self.instruments[k]
        lots, fee = self._net(fill, instrument, order)
        self.held[k] += fill.side * lots
        name = self._name(k, fill, order)
        done = False
        if order is not None:
            order.count(fill)
            done = order.complete or order.counted >= order.new.quantity
            if done:
                order.reported = True
                wanted = self.wanted.get((k, order.leg))
                if wanted is not None and wanted.number == order.number:
                    del self.wanted[k, order.leg]
                self.close(order)
        forced = Reason.LIQUIDATION if fill.cause is Cause.LIQUIDATION else Reason.EXTERNAL
        fields = {
            "number": name.number if name else 0,
            "leg": name.leg if name else Leg.EXIT,
            "ticks": int((fill.price / instrument.tick_size).to_integral_value()),
            "lots": lots,
            "fee": float(fee),
            "trade": trade_number(fill.trade_id),
            "side": fill.side,
            "maker": int(fill.maker),
            "done": int(done),
            "code": forced,
            "time_ms": fill.time,
        }
        return CoreReport(CommandKind.FILL, k, fields)

    def _name(self, k: int, fill: Execution, order: WorkingOrder | None) -> OrderName | None:
        if order is not None:
            return OrderName(k, 0, order.leg, order.number, order.revision)
        return parse_client_id(self.session_id, fill.client_id) if fill.client_id else None

    def _net(self, fill: Execution, instrument: Instrument, order: WorkingOrder | None) -> tuple[int, Decimal]:
        """Lots gained (or lost) by an execution, and its cost in the quote currency.

        On spot the fee of a purchase is taken from the coins bought: what is missing, in whole lots, is the cost.
        """
        lot = instrument.lot_size
        if fill.fee_asset == self.capabilities.quote:
            return int(fill.quantity / lot), fill.fee
        if fill.side < 0 or not fill.fee_asset or not fill.symbol.startswith(fill.fee_asset):
            return int(fill.quantity / lot), ZERO
        before = order.net if order is not None else ZERO
        net = before + fill.quantity - fill.fee
        lots = int(net / lot) - int(before / lot)
        if order is not None:
            order.net = net
        return lots, (fill.quantity - lots * lot) * fill.price
