"""A calm market with one scripted trade, and hooks for everything that can be made to happen to it.

The price stands still unless a test moves it, so what fills when is known; requests and events can be answered, held
back and dropped one by one.
"""

from collections import Counter
from collections.abc import Callable
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from invariants import covered, problems
from network import SYMBOL, ask, serve
from random_schedule import Schedule
from simulation import START, Simulation, Socket

from triplane.execution import messages as m
from triplane.execution.ids import parse_client_id
from triplane.kernel.codes import CommandKind, Leg, State
from triplane.kernel.records import CANDLE
from triplane.strategies.registry import find
from triplane.venues.base import NewOrder
from triplane.venues.binance import codec
from triplane.venues.binance.failures import failure

SCRIPTED = str(Path(__file__).with_name("scripted_strategy.py"))
PRICE = 59_000.0
MINUTE = 60_000
ENTERS = START + MINUTE
"""The scripted entry is decided at the close of bar 0."""


@cache
def calm() -> Any:
    """A market that stands still."""
    out = np.zeros(120, CANDLE)
    out["open_time"] = START - 60 * MINUTE + np.arange(120) * MINUTE
    for name in ("open", "high", "low", "close"):
        out[name] = PRICE
    out["volume"] = 2.0
    return out


class Scenario(Simulation):
    """One scripted trade.

    Attributes
    ----------
    on_request
        Answers a request instead of the venue: an error or a value; a number holds the request back for so many ms;
        None is the usual.
    on_message
        Milliseconds until a message of the stream arrives; -1 never, 0 before anything else, None as usual.
    """

    attentive = 60_000

    def __init__(self, folder: Path, minutes: int = 3, *, seed: int = 2, plan: Schedule | None = None, **params: Any):
        self.params = find(SCRIPTED).resolve(params)
        self.on_request: Callable[[m.VenueRequest], Any] = lambda _: None
        self.on_message: Callable[[dict[str, Any]], int | None] = lambda _: None
        self.sent: list[tuple[int, m.VenueRequest]] = []
        self.earlier: list[Any] = []  # findings of earlier processes
        super().__init__(plan or Schedule(seed, minutes, slow=1e-12), folder)

    def _candles(self) -> Any:
        return calm()

    def _strategy(self) -> tuple[str, dict[str, Any]]:
        return SCRIPTED, self.params

    # --------------------------------------------------------------------------------------------------------- hooks
    def send(self, request: m.VenueRequest) -> None:
        self.sent.append((self.clock.now, request))
        value = self.on_request(request)
        if value is None:
            super().send(request)
            return
        life = self.life
        if isinstance(value, int):
            self.at(self.clock.now + value, lambda: life == self.life and super(Scenario, self).send(request))
            return
        self.note("send, answer scripted", request, value)

        def answer() -> None:
            if life == self.life:
                self.manager.on_answer(request, value, self.clock.now)

        self.at(self.clock.now + 20, answer)

    def arrive(self, request: m.VenueRequest, after: int) -> None:
        """A request that was given up reaches the venue all the same; its answer reaches nobody."""
        self.at(self.clock.now + after, lambda: serve(self, request, self.clock.now + self.x.skew))

    def deliver(self, socket: Socket, message: dict[str, Any]) -> None:
        after = self.on_message(message)
        if after is None:
            super().deliver(socket, message)
        elif after == 0:
            for event in codec.events(message):
                self.manager.on_event(event, self.clock.now)
        elif after > 0:
            self.at(self.clock.now + after, lambda: super(Scenario, self).deliver(socket, message))

    # ------------------------------------------------------------------------------------------------- what happens
    def jump(self, price: float) -> None:
        """The price is another one, and stays there."""
        self.note("price", price)
        self.x.step(self.market, Decimal(str(price)).quantize(self.market.tick))

    def when(self, time: int, action: Callable[[], Any]) -> None:
        """Something happens so many ms after the start."""
        self.at(START + time, action)

    def go(self, until: int) -> None:
        """Let time pass, to so many ms after the start."""
        self._until(START + until, market=True)

    def by_hand(self, side: str, quantity: str, name: str = "web_1", **more: str) -> Any:
        """Somebody trades beside us at market."""
        params = {"symbol": SYMBOL, "side": side, "type": "MARKET", "quantity": quantity, "newClientOrderId": name}
        return ask(self, codec.HttpRequest("POST", "/fapi/v1/order", params | more), self.clock.now + self.x.skew)

    def refusal(self, code: int, status: int = 400, **headers: str) -> Any:
        """The error that an answer of the venue becomes."""
        return failure(status, {"code": code, "msg": "scripted"}, headers, changing=True, now=self.clock.now)

    def restart(self, after: int = 200) -> None:
        """kill -9, and another life a moment later; time goes on to its first steps."""
        self.earlier += self.manager.findings
        self.kills.insert(0, 0)
        self.kill()
        self._later = [entry for entry in self._later if entry[2] != self._start_again]
        self.clock.now += after
        self._start_again()

    def settle(self) -> list[str]:
        """Let everything come to rest; every sentence is a broken invariant."""
        self._settle()
        return problems(self)

    # ------------------------------------------------------------------------------------------------- what is
    @property
    def held(self) -> int:
        """Lots at the venue."""
        position = self.account.positions.get((SYMBOL, "BOTH"))
        return position.lots if position else 0

    @property
    def state(self) -> str:
        """Of the session."""
        return State.labels[int(self.session.S[0]["core"]["state"])]

    @property
    def codes(self) -> set[str]:
        """Findings so far."""
        return {finding.code for finding in [*self.earlier, *self.manager.findings]}

    def orders(self, leg: str) -> list[str]:
        """Client ids of the orders of a leg that the venue has ever had, each as often as it had it."""
        plain = [o.request.client_id for o in self.account.orders.values() if o.algo is None]
        algos = [a.request.client_id for a in self.account.algos.values()]
        return [name for name in plain + algos if leg_of(self, name) == leg]

    def resting(self) -> list[str]:
        """Conditional orders of ours that wait at the venue."""
        return [a.request.client_id for a in self.account.algos.values()
                if a.open and parse_client_id(self.session.id, a.request.client_id)]  # fmt: skip

    def placed(self, leg: str) -> list[tuple[int, NewOrder]]:
        """Requests to place an order of a leg, with their times."""
        return [(time - START, request.order.value) for time, request in self.sent
                if isinstance(request, m.PlaceOrder) and leg_of(self, request.client_id) == leg]  # fmt: skip

    def fills(self) -> list[Any]:
        """Executions in the journal."""
        return [command for kind, command in self.commands() if kind == CommandKind.FILL]

    def bare(self) -> list[str]:
        """What is not covered, or rests although there is nothing to cover, now."""
        return covered(self)


def leg_of(scenario: Scenario, client_id: str) -> str:
    """The leg of an order of ours; empty for somebody else's."""
    name = parse_client_id(scenario.session.id, client_id)
    return "" if name is None else Leg.labels[name.leg]


def of_leg(request: m.VenueRequest, scenario: Scenario, leg: str, kind: type = m.PlaceOrder) -> bool:
    """Whether a request is of a kind and about an order of a leg."""
    return isinstance(request, kind) and leg_of(scenario, getattr(request, "client_id", "")) == leg


def duplicates(names: list[str]) -> list[str]:
    """Names that are there more than once."""
    return [name for name, times in Counter(names).items() if times > 1]
