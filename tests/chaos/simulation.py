"""A whole trading day in virtual time: session, executor, network and an exchange in a box, with every fault there is.

Nothing here waits and nothing is random but by the seed, so a schedule that fails, fails again. What is real: the core,
the journal on disk, the executor, the venue's words (``codec``), and the exchange. What is made up: the network (each
request arrives late, its answer later or never, also after the client has given up) and the kill.
"""

import heapq
import itertools
import random
from dataclasses import dataclass, field
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import orjson

from triplane.data.generator import demo_instrument, generate
from triplane.data.replay import ArraySource
from triplane.engine.journal import Journal, Kind, Reader
from triplane.engine.session import JOURNAL, Session
from triplane.engine.settings import CostSettings, TradingSettings
from triplane.engine.setup import Setup
from triplane.exchange.account import FuturesAccount
from triplane.exchange.exchange import Exchange
from triplane.exchange.faults import parse
from triplane.exchange.market import Market
from triplane.exchange.rest import handle
from triplane.exchange.sockets import ClientConnection
from triplane.execution import messages as m
from triplane.execution.bridge import SessionBridge
from triplane.execution.ids import parse_client_id
from triplane.execution.order_manager import OrderManager
from triplane.kernel.codes import CommandKind, Leg, Reason
from triplane.kernel.inputs import COMMAND
from triplane.kernel.records import CANDLE
from triplane.strategies.registry import find, source_of
from triplane.venues.base import Capabilities, StreamState, StreamStatus
from triplane.venues.binance import codec
from triplane.venues.binance.failures import failure
from triplane.venues.errors import Unknown

RANDOM = str(Path(__file__).with_name("random_strategy.py"))
START = 1_735_689_600_000
SYMBOL = "BTCUSDT"
TIMEOUT = 2_000
KEY, SECRET = "box-key", "box-secret"
LIMITS = TradingSettings(
    max_trades_day=100_000, cooldown_bars=0, daily_loss_share=0, max_drawdown=0, max_position_share=0.5,
    max_symbol_share=10, max_margin_use=1, quality_gate=False,
)  # fmt: skip


class ProcessKilled(BaseException):
    """The process is gone."""


class VirtualClock:
    """Virtual time."""

    def __init__(self) -> None:
        self.now = START

    def now_ms(self) -> int:
        return self.now

    def monotonic(self) -> float:
        return self.now / 1000


@cache
def candles(number: int) -> Any:
    """Some hours of a lively market."""
    return np.ascontiguousarray(generate(number, START - 60 * 60_000, 240, symbol=SYMBOL))


@cache
def core(name: str = RANDOM) -> Any:
    from triplane.strategies.compiler import compile_strategy

    return compile_strategy(find(name), source_of(name))


@dataclass
class Schedule:
    """What happens in a schedule; made of a seed by :func:`schedule_of`, or by hand."""

    seed: int
    minutes: int = 20
    faults: list[tuple[int, list[dict[str, Any]]]] = field(default_factory=list)  # ms after the start
    kills: list[int] = field(default_factory=list)  # journal writes before each
    actions: list[tuple[int, str]] = field(default_factory=list)  # of people, and of the market
    slow: float = 0.0  # share of requests that arrive seconds late
    lag: int = 40  # ms of the network, most of the time


REQUESTS = ("POST /fapi/v1/order", "POST /fapi/v1/algoOrder", "* /fapi/v1/*rder", "DELETE *", "GET *",
            "GET /fapi/v1/*rder", "GET /fapi/v1/userTrades", "GET /fapi/v3/*")  # fmt: skip
EVENTS = ("ORDER_TRADE_UPDATE", "ALGO_UPDATE", "ACCOUNT_UPDATE")
ACTIONS = ("jump", "jump", "close", "cancel", "market", "halt", "resume", "amend", "hand", "hand", "cancel_stop",
           "mute", "expire", "sockets", "skew")  # fmt: skip


def schedule_of(seed: int) -> Schedule:
    """A schedule by chance."""
    dice = random.Random(seed)
    plan = Schedule(seed, minutes=dice.choice((8, 12, 20)), lag=dice.choice((5, 40, 150)))
    if dice.random() < 0.15:
        return plan  # a quiet day
    span = plan.minutes * 60_000
    for _ in range(dice.randint(0, 5)):
        plan.faults.append((dice.randrange(span), [fault_by(dice) for _ in range(dice.randint(1, 3))]))
    if dice.random() < 0.5:
        plan.kills = [dice.randint(1, 120) for _ in range(dice.randint(1, 4))]
    plan.actions = [(dice.randrange(span), dice.choice(ACTIONS)) for _ in range(dice.randint(0, 6))]
    plan.slow = dice.choice((0.0, 0.0, 0.02, 0.1))
    return plan


def fault_by(dice: random.Random) -> dict[str, Any]:
    """One line of a fault script by chance."""
    times = dice.choice((1, 1, 2, 4))
    skip = dice.choice((0, 0, 0, 1, 3))
    roll = dice.random()
    if roll < 0.55:
        what = dice.choice(("timeout", "reset", "503", "500", "-1006", "-1007", "-1000", "-1008", "-1021", "429",
                            "delay", "-2013"))  # fmt: skip
        fault: dict[str, Any] = {"when": dice.choice(REQUESTS), "what": what, "times": times, "skip": skip}
        if what in ("timeout", "reset", "503", "500", "-1006", "-1007", "-1000"):
            fault["accepted"] = dice.random() < 0.5
        if what in ("timeout", "delay", "429"):
            fault["seconds"] = float(dice.choice((1, 3, 8)))
        return fault
    if roll < 0.65:
        seconds = float(dice.choice((20, 300, 2400)))
        return {"when": dice.choice(REQUESTS[:2]), "what": "hide", "seconds": seconds, "times": times, "skip": skip}
    if roll < 0.75:
        parts = dice.choice(([0.3], [0.2, 0.2], [0.5, 0.25]))
        return {"when": "POST /fapi/v1/order", "what": "partial", "parts": parts, "times": times}
    what = dice.choice(("drop", "duplicate", "reorder", "delay"))
    fault = {"when": dice.choice(EVENTS), "what": what, "times": times, "skip": skip}
    if what == "delay":
        fault["seconds"] = float(dice.choice((1, 5, 20)))
    return fault


class Socket:
    """The private stream as it reaches the client."""

    def __init__(self, simulation: "Simulation") -> None:
        self.simulation = simulation

    def send(self, text: bytes) -> None:
        self.simulation.deliver(self, orjson.loads(text))

    def close(self, code: int) -> None:
        self.simulation.dropped(self)


class Simulation:
    """Runs one plan, then lets everything settle; the checks are in ``invariants.py``."""

    def __init__(self, plan: Schedule, folder: Path) -> None:
        self.plan, self.folder = plan, folder
        self.dice = random.Random(plan.seed ^ 0x5EED)
        self.clock = VirtualClock()
        market = Market(demo_instrument(SYMBOL), ArraySource(self._candles(), 60_000), START)
        self.x = Exchange(
            [market], [FuturesAccount(KEY, SECRET, Decimal(10_000))], self.clock, seed=plan.seed, limits=False
        )
        self.market = market
        self.account = self.x.accounts[KEY]
        self._later: list[tuple[int, int, Any]] = []
        self._numbers = itertools.count()
        self.socket: Socket | None = None
        self.life = 0
        self.client_skew = 0
        self.writes = 0
        self.kills = list(plan.kills)
        self.log: list[str] = []
        self.fed = START
        self.busy_until = 0
        self.naked_since = 0
        self.longest_naked = 0
        self.breaches: list[str] = []
        self.quiet = False
        name, params = self._strategy()
        setup = Setup(name, params, (market.instrument,), 60_000, 60_000, 10_000.0, "chaos", "testnet",
                      trading=LIMITS, costs=CostSettings(leverage=20))  # fmt: skip
        self.session = Session.create(folder, setup, core(name), START)
        self._wrap(self.session)
        self._connect_core(again=False)

    def _candles(self) -> Any:
        """What the market does."""
        return candles(self.plan.seed % 16)

    def _strategy(self) -> tuple[str, dict[str, Any]]:
        """Who trades."""
        return RANDOM, {"seed": self.plan.seed}

    # ------------------------------------------------------------------------------------------------ life and death
    def _connect_core(self, *, again: bool) -> None:
        """The process has started."""
        self.life += 1
        if not again:
            self.manager = self._executor(self.session)
            self.bridge = SessionBridge(self.manager, self.clock.now)
            self.session.observer = self.bridge
        self.bridge.live()
        self.at(self.clock.now + 50, self._open_stream)

    def _executor(self, session: Session) -> OrderManager:
        return OrderManager(
            session.id, session.setup.instruments, Capabilities(), wallet=lambda: float(session.A["balance"][0])
        )

    def _wrap(self, session: Session) -> None:
        """Count journal writes, and die before or after the one that is due."""
        journal = session.journal
        append = Journal.append

        def counted(kind: Kind, payload: bytes, symbol: int = 0xFFFF, count: int = 1) -> None:
            due = bool(self.kills) and self.writes >= self.kills[0] and not self.quiet
            if due and self.plan.seed % 2:
                raise ProcessKilled
            append(journal, kind, payload, symbol, count)
            self.writes += 1
            if due:
                raise ProcessKilled

        journal.append = counted  # type: ignore[method-assign]

    def kill(self) -> None:
        """kill -9: memory is gone, and what was not sent; what is under way arrives."""
        self.note("killed")
        self.kills.pop(0)
        self.writes = 0
        self.session.journal.close = lambda: None  # type: ignore[method-assign]
        self.session._lock.release()
        if self.socket is not None:
            self._hang_up()
        self.life += 1
        self.at(self.clock.now + self.dice.choice((200, 3_000, 30_000)), self._start_again)

    def _start_again(self) -> None:
        def observe(session: Session) -> SessionBridge:
            self.manager = self._executor(session)
            self.bridge = SessionBridge(self.manager, self.clock.now)
            return self.bridge

        self.session = Session.resume(self.folder / self.session.id, core(self._strategy()[0]), observe)
        self._wrap(self.session)
        self._connect_core(again=True)
        self.note("resumed")
        self._catch_up()

    @property
    def alive(self) -> bool:
        return self.life % 2 == 1

    # ------------------------------------------------------------------------------------------------------- network
    def at(self, time: int, action: Any) -> None:
        heapq.heappush(self._later, (time, next(self._numbers), action))

    def _open_stream(self) -> None:
        if not self.alive or self.socket is not None:
            return
        key = self.x.listen_key(self.account)
        self.socket = Socket(self)
        self.x.hub.connect(ClientConnection(self.socket, "private", False, self.clock.now), [key])  # type: ignore[arg-type]
        self.manager.on_event(StreamState(StreamStatus.UP, "connected", self.clock.now), self.clock.now)

    def _hang_up(self) -> None:
        for connection in [c for c in self.x.hub.connections if c.socket is self.socket]:
            self.x.hub.disconnect(connection)
        self.socket = None

    def dropped(self, socket: Socket) -> None:
        """The socket was closed, or its key has ended."""
        if socket is not self.socket:
            return
        self._hang_up()
        if self.alive:
            self.manager.on_event(StreamState(StreamStatus.DOWN, "dropped", self.clock.now), self.clock.now)
            self.at(self.clock.now + self.dice.choice((100, 1_000, 5_000)), self._open_stream)

    def deliver(self, socket: Socket, message: dict[str, Any]) -> None:
        """An event is on its way to the client."""
        life = self.life

        def arrive() -> None:
            if life != self.life or socket is not self.socket:
                return
            if message.get("e") == "listenKeyExpired":
                self.dropped(socket)
                return
            for event in codec.events(message):
                self.note(f"event {event}")
                self.manager.on_event(event, self.clock.now)

        self.at(self.clock.now + self.plan.lag // 2 + 1, arrive)

    def send(self, request: m.VenueRequest) -> None:
        """A request is on its way to the venue."""
        life, answered = self.life, [False]
        lag = self.dice.randint(1, self.plan.lag + 1)
        if not self.quiet and self.dice.random() < self.plan.slow:
            lag += self.dice.choice((1_500, 2_500, 4_500, 7_000))
        stamp = self.clock.now + self.x.skew if not self.client_skew else self.clock.now + self.client_skew

        def answer(value: Any) -> None:
            if not answered[0] and life == self.life:
                answered[0] = True
                self.note(f"answer {request} -> {value!r}")
                self.manager.on_answer(request, value, self.clock.now)

        def arrive() -> None:
            value, delay = serve(self, request, stamp)
            if value is not None or isinstance(request, m.CancelOrder):
                self.at(self.clock.now + delay + lag // 2, lambda: answer(value))

        self.note(f"send {request}")
        self.at(self.clock.now + lag, arrive)
        self.at(self.clock.now + TIMEOUT, lambda: answer(Unknown("time-out")))

    # ---------------------------------------------------------------------------------------------------------- time
    def run(self) -> None:
        """The whole plan, then the settling."""
        end = START + self.plan.minutes * 60_000
        for time, rows in self.plan.faults:
            self.at(START + time, lambda rows=rows: self.x.add_faults(parse(rows)))
        for time, what in self.plan.actions:
            self.at(START + time, lambda what=what: self._do(what))
        self._until(end, market=True)
        self._settle()

    def _settle(self) -> None:
        """No more faults; the market stands still, and everything that was hidden comes back."""
        self.quiet = True
        self.x.faults.waiting.clear()
        self.x.skew = self.client_skew = 0
        self.x.hub.mutes.clear()
        self._until(self.clock.now + 35_000, market=False, coarse=400)
        if self.socket is None and self.alive:
            self._open_stream()
        self.manager.on_event(StreamState(StreamStatus.UP, "reconnected", self.clock.now), self.clock.now)
        self._until(self.clock.now + 15_000, market=False, coarse=400)
        self.clock.now += 41 * 60_000  # what was hidden is not any more
        self._until(self.clock.now + 35_000, market=False, coarse=400)

    def close(self) -> None:
        """Let go of the journal."""
        self.quiet = True  # nobody is killed any more
        self.session.close()

    def _until(self, end: int, *, market: bool, coarse: int = 200) -> None:
        while True:
            times = [self._later[0][0]] if self._later else []
            due = self.market.due() if market else None
            if due is not None:
                times.append(due)
            if self.clock.now < self.busy_until or not market:
                times.append(self.clock.now + coarse)
            now = max(min(times, default=end), self.clock.now)
            if now >= end:
                self.clock.now = end
                return
            self.clock.now = now
            self._turn(market)

    def _turn(self, market: bool) -> None:
        now = self.clock.now
        self.x.tick()
        if market:
            self.x.advance(now)
        busy = bool(self._later)
        try:
            while self._later and self._later[0][0] <= now:
                heapq.heappop(self._later)[2]()
            if self.alive:
                self._catch_up()
                self._cycle()
        except ProcessKilled:
            self.kill()
        if busy:
            self.busy_until = now + 12_000
        self._watch_cover()

    def _watch_cover(self) -> None:
        """How long a position lies open without a stop at the venue and without an exit on its way."""
        position = self.account.positions.get((SYMBOL, "BOTH"))
        leaving = any(o.leg == Leg.EXIT for o in self.manager.blotter.live(0))
        if position is None or position.lots == 0 or leaving or self.stops(position.lots):
            self.naked_since = 0
            return
        self.naked_since = self.naked_since or self.clock.now
        self.longest_naked = max(self.longest_naked, self.clock.now - self.naked_since)

    def stops(self, lots: int) -> list[Any]:
        """Stops of ours that rest at the venue, for a position of so many lots."""
        return [a for a in self.account.algos.values()
                if a.open and a.request.type == "STOP_MARKET" and a.request.side * lots < 0
                and parse_client_id(self.session.id, a.request.client_id) is not None]  # fmt: skip

    def cancelled(self, request: m.CancelOrder) -> None:
        """One of our cancellations was carried out: was it the last stop of an open position?"""
        position = self.account.positions.get((SYMBOL, "BOTH"))
        if position is None or position.lots == 0 or ".s." not in request.client_id:
            return
        held = self.manager.blotter.held[0] if self.alive else position.lots
        leaving = any(o.leg == Leg.EXIT for o in self.manager.blotter.live(0))
        if held * position.lots > 0 and not self.stops(position.lots) and not leaving:
            self.breaches.append(f"the last stop, {request.client_id}, was cancelled over {position.lots} open lots")

    def _cycle(self) -> None:
        self.bridge.now = now = self.clock.now
        self.bridge.pump(self.session)
        for request in self.manager.plan(now):
            self.send(request)
            self.busy_until = now + 12_000
        self.bridge.pump(self.session)

    def _catch_up(self) -> None:
        """Candles that have closed."""
        for bar in [b for b in self.market.bars if b.start >= self.fed]:
            candle = np.zeros(1, CANDLE)
            tick = float(self.market.tick)
            values = (bar.start, bar.open * tick, bar.high * tick, bar.low * tick, bar.close * tick, bar.lots * 0.001)
            candle[0] = values
            if bar.start > self.session.last_open[0]:
                self.bridge.now = self.clock.now
                self.session.feed_candle(0, candle)
            self.fed = bar.start + 60_000

    # ----------------------------------------------------------------------------------------- people and the market
    def _do(self, what: str) -> None:
        self.note(f"do {what}")
        if what == "jump":
            price = Decimal(self.market.price(self.market.last)) * Decimal(
                str(self.dice.choice((0.985, 0.995, 1.005, 1.02)))
            )
            self.x.step(self.market, price.quantize(self.market.tick))
        elif what == "mute":
            self.x.add_faults(parse([{"when": "now", "what": "mute", "route": "private", "seconds": 20.0}]))
            if self.socket is not None:  # the watchdog of the stream sees it
                socket = self.socket
                self.at(self.clock.now + 15_000, lambda: self.dropped(socket))
        elif what == "expire":
            self.x.add_faults(parse([{"when": "now", "what": "expire_listen_key"}]))
        elif what == "sockets":
            self.x.add_faults(parse([{"when": "now", "what": "drop_sockets", "code": self.dice.choice((1001, 1006))}]))
        elif what == "skew":
            self.client_skew = self.dice.choice((-7_000, 5_000))
            self.at(self.clock.now + 6_000, self._resync)
        elif what in ("hand", "cancel_stop"):
            self._by_hand(what)
        elif self.alive:
            price = float(Decimal(self.market.price(self.market.last)))
            kind, fields = {
                "close": (CommandKind.CLOSE, {}), "cancel": (CommandKind.CANCEL, {}),
                "market": (CommandKind.MARKET, {}),
                "halt": (CommandKind.HALT, {"code": Reason.KILL_SWITCH, "flag": self.dice.choice((0, 1))}),
                "resume": (CommandKind.RESUME, {}),
                "amend": (CommandKind.AMEND, {"price": price * self.dice.choice((0.999, 1.001))}),
            }[what]  # fmt: skip
            self.bridge.now = self.clock.now
            self.session.command(kind, 0, **fields)
            if what == "halt":
                self.at(self.clock.now + 90_000, lambda: self._do("resume"))

    def _resync(self) -> None:
        self.client_skew = 0

    def _by_hand(self, what: str) -> None:
        """The owner of the account trades beside us."""
        if what == "cancel_stop":
            stops = [a for a in self.account.algos.values() if a.open]
            if stops:
                self.x.algos.cancel(self.dice.choice(stops))
            return
        quantity = self.dice.choice(("0.005", "0.02", "0.05"))
        params = {"symbol": SYMBOL, "side": self.dice.choice(("BUY", "SELL")), "type": "MARKET", "quantity": quantity,
                  "newClientOrderId": f"web_{next(self._numbers)}"}  # fmt: skip
        ask(self, codec.HttpRequest("POST", "/fapi/v1/order", params), self.clock.now + self.x.skew)

    def note(self, text: str) -> None:
        self.log.append(f"{self.clock.now - START:>9} {text}")

    # ------------------------------------------------------------------------------------------------------- journal
    def commands(self) -> list[tuple[int, Any]]:
        """Every command in the journal, in order."""
        out = []
        reader = Reader(self.session.folder / JOURNAL)
        for frame in reader:
            if frame.kind == Kind.COMMAND:
                command = np.frombuffer(frame.payload, COMMAND, 1)[0]
                out.append((int(command["kind"]), command.copy()))
        return out

    def changes(self) -> int:
        """Reports in the journal that changed the books."""
        return sum(
            kind in (CommandKind.FILL, CommandKind.BALANCE) for kind, _ in self.commands() if kind != CommandKind.GATE
        )


def ask(simulation: Simulation, request: codec.HttpRequest, stamp: int) -> Any:
    """A signed request at the venue's door."""
    query = codec.sign(request.params, SECRET, stamp)
    return handle(simulation.x, request.method, request.path, query, "", KEY)


def serve(simulation: Simulation, request: m.VenueRequest, stamp: int) -> tuple[Any, int]:
    """What the venue answers to a request, and how many ms it holds the answer back; None: it never comes."""
    if isinstance(request, m.TakeSnapshot):
        parts, delay = [], 0
        for part in (codec.open_orders(SYMBOL, conditional=True), codec.open_orders(SYMBOL, conditional=False),
                     codec.positions(), codec.balances()):  # fmt: skip
            body, held = read(simulation, part, stamp, changing=False)
            if body is None or isinstance(body, Exception):
                return body, held
            parts.append(body)
            delay += held
        return codec.snapshot(simulation.clock.now, [SYMBOL], *parts), delay
    if isinstance(request, m.PlaceOrder):
        order = request.order.value
        body, delay = read(simulation, codec.place(order), stamp, changing=True)
        return (codec.algo_report if order.type.conditional else codec.order_report)(body) if is_body(
            body
        ) else body, delay
    if isinstance(request, m.CancelOrder):
        what = codec.cancel(request.symbol, request.client_id, conditional=request.conditional)
        body, delay = read(simulation, what, stamp, changing=True)
        if is_body(body):
            simulation.cancelled(request)
        return (None if is_body(body) else body if body is not None else Unknown("time-out")), delay
    if isinstance(request, m.FetchFunding):
        return [], 0  # no schedule lasts until funding is due
    if isinstance(request, m.QueryOrder):
        return look_up(simulation, request, stamp)
    if request.venue_order_id:
        body, delay = read(simulation, codec.fills_of(SYMBOL, request.venue_order_id), stamp, changing=False)
        rows = [codec.fill(row) for row in body] if is_body(body) else []
        return ([fill for fill in rows if fill.time >= request.since] if is_body(body) else body), delay
    pages, delay = codec.fills(SYMBOL, request.since, simulation.clock.now), 0
    while (page := pages.request()) is not None:
        body, delay = read(simulation, page, stamp, changing=False)
        if not is_body(body):
            return body, delay
        pages.take(body)
    return [codec.fill(row) for row in pages.rows], delay


def look_up(simulation: Simulation, request: m.QueryOrder, stamp: int) -> tuple[Any, int]:
    """As an adapter does: a conditional order, and the order that it has become."""
    what = codec.lookup(request.symbol, request.client_id, conditional=request.conditional)
    body, delay = read(simulation, what, stamp, changing=False)
    if not is_body(body):
        return body, delay
    if not request.conditional:
        return codec.order_report(body), delay
    report = codec.algo_report(body)
    if report.child_id:
        body, more = read(simulation, codec.lookup_child(request.symbol, report.child_id), stamp, changing=False)
        if not is_body(body):
            return body, delay + more
        report = report.with_child(codec.order_report(body))
    return report, delay


def is_body(value: Any) -> bool:
    return value is not None and not isinstance(value, Exception)


def read(simulation: Simulation, request: codec.HttpRequest, stamp: int, *, changing: bool) -> tuple[Any, int]:
    """Body, or error, or None for an answer that never comes; and the delay in ms."""
    reply = ask(simulation, request, stamp)
    if reply.lost == "hang":
        return None, 0
    if reply.lost:
        return Unknown("reset"), 0
    body = orjson.loads(orjson.dumps(reply.body))
    error = failure(reply.status, body, reply.headers, changing=changing, now=simulation.clock.now)
    return (body if error is None else error), round(reply.delay * 1000)
