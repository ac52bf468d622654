"""How long the order manager waits for what, in milliseconds."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Timeouts:
    """Time-outs of the order manager.

    Attributes
    ----------
    lookup
        Between two queries of an order whose fate is unknown.
    event
        For an execution to arrive by itself before it is asked for.
    entry
        For an entry until it may be sent; then it expires.
    stop
        For a stop to rest; then the position is closed at market.
    margin
        Added to the venue's request window before "not found" may mean "never arrived".
    orphan
        For the order of an execution to become known; then it counts as somebody else's.
    snapshot, snapshot_soon
        Between two snapshots: regularly, and when something asks for one.
    hidden
        Between two attempts on an order that the venue has confirmed and does not find.
    retry, retry_most
        Between two attempts of an exit, doubled each time.
    """

    lookup: int = 250
    event: int = 300
    entry: int = 5_000
    stop: int = 3_000
    margin: int = 1_000
    orphan: int = 10_000
    snapshot: int = 10_000
    snapshot_soon: int = 300
    hidden: int = 30_000
    retry: int = 250
    retry_most: int = 30_000

    def backoff(self, tries: int) -> int:
        """Before the next attempt after so many."""
        return int(min(self.retry * 2 ** min(tries, 16), self.retry_most))
