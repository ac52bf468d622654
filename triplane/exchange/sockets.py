"""The sockets of clients: what all hubs do alike when one is opened, muted, aged and written to."""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final, Protocol

from triplane.exchange.faults import Fault

MESSAGES_A_SECOND: Final = 10
DAY_MS: Final = 86_400_000


class ServerSocket(Protocol):
    """What the server gives for a connection."""

    def send(self, text: bytes) -> None:
        """Queue a text."""
        ...

    def close(self, code: int) -> None:
        """Close; code 1006 cuts the connection without a close frame."""
        ...


@dataclass(slots=True, eq=False)
class ClientConnection:
    """One socket and what it listens to."""

    socket: ServerSocket
    route: str  # public, market, private, spot, ws-api, edge, or "" for all of the futures
    combined: bool
    opened: int
    topics: set[str] = field(default_factory=set)
    events: frozenset[str] = frozenset()  # of the user stream; empty for all
    muted_until: int = 0
    inbound: deque[int] = field(default_factory=lambda: deque(maxlen=MESSAGES_A_SECOND + 1))


class SocketHub:
    """The connections of a route; ``wall`` tells wall time."""

    def __init__(self, wall: Callable[[], int]) -> None:
        self.wall = wall
        self.connections: set[ClientConnection] = set()
        self.mutes: dict[str, int] = {}  # route ("" for all): wall time until which new connections are silent

    def connect(self, connection: ClientConnection, _names: list[str]) -> None:
        """A socket was opened, maybe with streams in its path."""
        self.connections.add(connection)
        connection.muted_until = max(self.mutes.get("", 0), self.mutes.get(connection.route, 0))

    def disconnect(self, connection: ClientConnection) -> None:
        """A socket is gone."""
        self.connections.discard(connection)

    def receive(self, connection: ClientConnection, text: str | bytes) -> None:
        """A message of a client."""
        raise NotImplementedError

    def tick(self, now: int) -> None:
        """Close connections that are a day old."""
        for connection in [c for c in self.connections if now - c.opened >= DAY_MS]:
            connection.socket.close(1001)

    def hit(self, fault: Fault, until: int) -> None:
        """Drop the connections of a fault's route, or mute them, and new ones, until a wall time."""
        for connection in [c for c in self.connections if fault.route in ("", c.route)]:
            if fault.what == "mute":
                connection.muted_until = until
            else:
                self.disconnect(connection)
                connection.socket.close(fault.code)
        if fault.what == "mute":
            self.mutes[fault.route] = until

    def send(self, connection: ClientConnection, text: bytes) -> None:
        """Send to a connection, unless it is gone or muted."""
        if connection in self.connections and connection.muted_until <= self.wall():
            connection.socket.send(text)
