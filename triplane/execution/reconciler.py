"""Keeps the blotter equal to the venue: when to take a snapshot, and what to do about each difference.

The venue is the truth. A difference is first explained by evidence (orders are queried, executions fetched). What is
left when nothing is in flight any more, in several snapshots in a row, becomes an explicit adjustment. No entry is made
before blotter and venue agreed once since the start and since the stream last came up.
"""

from collections.abc import Callable
from decimal import Decimal

from triplane.execution.blotter import Blotter
from triplane.execution.comparison import Comparison, compare
from triplane.execution.messages import CoreReport, FetchExecutions, FetchFunding, Finding, TakeSnapshot, VenueRequest
from triplane.execution.orders import Fate
from triplane.execution.timeouts import Timeouts
from triplane.kernel.codes import CommandKind, Gate, Leg, Reason
from triplane.venues.base import Snapshot

GATE = Gate.labels.index("not_reconciled")
OVERLAP_MS = 60_000
"""How far before the last known execution missed ones are searched for."""
AGAIN_MS = 1_000
"""After a snapshot that failed."""
ASK_TWICE = 3
"""Snapshots in which the wallet must differ."""
CENT = 0.01


class Reconciler:
    """Part of the order manager; see there.

    Attributes
    ----------
    agreed_at
        When the newest snapshot was asked for that agreed with the blotter, by symbol; 0 = never yet.
    """

    def __init__(
        self,
        blotter: Blotter,
        timeouts: Timeouts,
        notify: Callable[[Finding], None],
        report: Callable[[CoreReport], None],
        wallet: Callable[[], float] | None = None,
    ) -> None:
        n = len(blotter.instruments)
        self.agreed_at = [0] * n
        self.snapshot: Snapshot | None = None
        self._blotter, self._timeouts, self._notify, self._report, self._wallet = (
            blotter,
            timeouts,
            notify,
            report,
            wallet,
        )
        self._up = False
        self._open = True  # the gate is closed by the first plan
        self._agreed = [False] * n
        self._differs = [0] * n
        self._difference: list[tuple[object, ...]] = [()] * n
        self._begin = 0
        self._fund = [False] * n
        self._fetch = [False] * n
        self._fetching = [False] * n
        self._foreign: set[str] = set()
        self._due = 0
        self._asked_at = 0
        self._waiting = False
        self._money_off = 0
        self._money_known = False

    def stream(self, up: bool) -> None:
        """The private stream came up or went down."""
        self._up = up
        self._agreed = [False] * len(self._agreed)
        self._due = 0

    def request_snapshot(self) -> None:
        """Take a snapshot soon."""
        self._due = 0

    def ready(self, k: int) -> bool:
        """Whether the blotter of symbol ``k`` is known to be right, and events arrive."""
        return self._up and self._agreed[k]

    def plan(self, now: int) -> list[VenueRequest]:
        """Its own requests; also opens and closes the gate for entries."""
        out: list[VenueRequest] = []
        ready = self._up and all(self._agreed)
        if ready != self._open:
            self._open = ready
            self._report(CoreReport(CommandKind.GATE, 0, {"code": GATE, "flag": int(not ready)}))
        for k, instrument in enumerate(self._blotter.instruments):
            if self._fetch[k] and not self._fetching[k]:
                self._fetch[k], self._fetching[k] = False, True
                out.append(
                    FetchExecutions(instrument.symbol, max(self._blotter.last_fill[k], self._begin) - OVERLAP_MS)
                )
        for k, asked in enumerate(self._fund):
            if asked:
                self._fund[k] = False
                out.append(FetchFunding(self._blotter.instruments[k].symbol, self._begin - OVERLAP_MS))
        every = self._timeouts.snapshot_soon if self._due == 0 else self._timeouts.snapshot
        if not self._waiting and now - self._asked_at >= every and now >= self._due:
            self._waiting = True
            self._asked_at = now
            self._due = now + self._timeouts.snapshot
            symbols = tuple(i.symbol for i in self._blotter.instruments)
            out.append(TakeSnapshot(symbols, tuple(self._blotter.activity)))
        return out

    def fetched(self, k: int, complete: bool) -> None:
        """The executions since the last known one were fetched."""
        self._fetching[k] = False
        self._fetch[k] = not complete
        self._due = 0

    def on_snapshot(self, request: TakeSnapshot, snapshot: Snapshot | None, now: int) -> None:
        """Take a snapshot; None when it failed, which means nothing at all."""
        self._waiting = False
        if snapshot is None:
            self._due = min(self._due, now + AGAIN_MS)
            return
        self.snapshot = snapshot
        self._begin = self._begin or snapshot.time
        blotter = self._blotter
        for report in snapshot.orders:
            blotter.revive(report, now)
            blotter.learn(report, now)
        for k, instrument in enumerate(blotter.instruments):
            ours = Decimal(blotter.held[k]) * instrument.lot_size
            dust = instrument.lot_size if not blotter.capabilities.reduce_only else Decimal(0)
            found = compare(blotter.session_id, instrument.symbol, ours, blotter.live(k), snapshot, dust)
            self._foreign_orders(found)
            for order in found.missing:
                order.next_at = order.next_at or now
            if request.marks[k] != blotter.activity[k]:
                self._due = 0  # something changed meanwhile: it proves nothing about the position
            elif found.agrees:
                self._agrees(k, found)
            else:
                self._disagrees(k, found, now)
        self._money(snapshot, request)

    def _agrees(self, k: int, found: Comparison) -> None:
        self.agreed_at[k] = self._asked_at
        self._differs[k] = 0
        uncertain = any(o.fate is Fate.UNKNOWN or o.filled > o.counted for o in self._blotter.live(k))
        if self._up and not uncertain and not self._blotter.orphans[k]:
            self._agreed[k] = True
        if uncertain or not found.settled:
            self._due = 0

    def _disagrees(self, k: int, found: Comparison, now: int) -> None:
        """Explain a difference, or else adjust the blotter to the venue."""
        self._due = 0
        difference = (self._blotter.activity[k], found.ours, found.theirs)
        self._differs[k] = self._differs[k] + 1 if difference == self._difference[k] else 1
        self._difference[k] = difference
        for order in self._blotter.live(k):
            if order.in_motion:
                order.next_at = order.next_at or now
        if self._differs[k] <= 2 or self._fetching[k]:
            self._fetch[k] = not self._fetching[k]
            return
        if not found.settled or self._blotter.orphans[k]:
            return
        instrument = self._blotter.instruments[k]
        lots = int(abs(found.theirs - found.ours) / instrument.lot_size)
        side = 1 if found.theirs > found.ours else -1
        price = found.price or Decimal(0)
        text = (
            f"{found.symbol}: the venue holds {found.theirs}, the books held {found.ours}, and no execution explains "
            "it; the books were adjusted."
        )
        self._notify(Finding("position_adjusted", text, found.symbol, "CRITICAL"))
        self._blotter.held[k] += side * lots
        self._blotter.activity[k] += 1
        self._differs[k] = 0
        ticks = int((price / instrument.tick_size).to_integral_value())
        fields = {
            "number": 0,
            "leg": Leg.EXIT,
            "ticks": ticks,
            "lots": lots,
            "side": side,
            "done": 0,
            "code": Reason.EXTERNAL,
        }
        self._report(CoreReport(CommandKind.FILL, k, fields))

    def _foreign_orders(self, found: Comparison) -> None:
        for report in found.foreign:
            if report.venue_id not in self._foreign:
                self._foreign.add(report.venue_id)
                text = f"{found.symbol}: an order that nobody here placed rests at the venue ({report.client_id})."
                self._notify(Finding("foreign_order", text, found.symbol))

    def _money(self, snapshot: Snapshot, request: TakeSnapshot) -> None:
        """Adjust the balance when it still differs while everything is quiet: a transfer, or fees in another asset."""
        moved = tuple(self._blotter.activity) != request.marks or any(self._differs)
        if self._wallet is None or moved or not all(self._agreed):
            return
        theirs = float(snapshot.balance.wallet)
        if abs(theirs - self._wallet()) < CENT:
            self._money_off = 0
            self._money_known = True
            return
        self._money_off += 1
        if self._money_known and self._money_off < ASK_TWICE:
            self._due = 0
            if self._money_off == 1:  # not every venue reports funding by itself
                self._fund = [True] * len(self._fund)
            return
        if self._money_known:
            text = f"The wallet holds {theirs}, the books said {self._wallet():.2f}; the books were adjusted."
            self._notify(Finding("balance_adjusted", text, severity="INFO"))
        self._money_off = 0
        self._report(CoreReport(CommandKind.BALANCE, 0, {"price": theirs, "flag": int(not self._money_known)}))
        self._money_known = True
