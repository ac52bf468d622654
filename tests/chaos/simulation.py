"""A whole trading day in virtual time: session, executor, network and an exchange in a box, with every fault there is.

Nothing here waits and nothing is random but by the seed, so a schedule that fails, fails again. What is real: the core,
the journal on disk, the executor, the venue's words (``codec``), and the exchange. What is made up: the network (each
request arrives late, its answer later or never, also after the client has given up) and the kill.
"""

import heapq
import itertools
import random
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import orjson
from network import KEY, SECRET, SYMBOL, ask, serve
from random_schedule import Schedule

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
from triplane.venues.errors import Unknown

RANDOM = str(Path(__file__).with_name("random_strategy.py"))
START = 1_735_689_600_000
TIMEOUT = 2_000
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

    attentive = 12_000
    """So many ms after a request of ours the process looks at its timers every 200 ms; else when something happens."""

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
        self.log: list[tuple[int, str, tuple[Any, ...]]] = []
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
                self.note("event", event)
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
                self.note("answer", request, value)
                self.manager.on_answer(request, value, self.clock.now)

        def arrive() -> None:
            value, delay = serve(self, request, stamp)
            if value is not None or isinstance(request, m.CancelOrder):
                self.at(self.clock.now + delay + lag // 2, lambda: answer(value))

        self.note("send", request)
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
        self.x.listen_key(self.account)  # an adapter prolongs it twice an hour
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
        try:
            while self._later and self._later[0][0] <= now:
                heapq.heappop(self._later)[2]()
            if self.alive:
                self._catch_up()
                self._cycle()
        except ProcessKilled:
            self.kill()
        self._watch_cover()

    def _watch_cover(self) -> None:
        """How long a position lies open without a stop at the venue and without an exit on its way."""
        position = self.account.positions.get((SYMBOL, "BOTH"))
        if position is None or position.lots == 0 or self.leaving() or self.stops(position.lots):
            self.naked_since = 0
            return
        self.naked_since = self.naked_since or self.clock.now
        self.longest_naked = max(self.longest_naked, self.clock.now - self.naked_since)

    def stops(self, lots: int) -> list[Any]:
        """Stops of ours that rest at the venue, for a position of so many lots."""
        return [a for a in self.account.algos.values()
                if a.open and a.request.type == "STOP_MARKET" and a.request.side * lots < 0
                and parse_client_id(self.session.id, a.request.client_id) is not None]  # fmt: skip

    def leaving(self) -> bool:
        """An exit is on its way."""
        return any(o.leg == Leg.EXIT for o in self.manager.blotter.live(0))

    def cancelled(self, request: m.CancelOrder) -> None:
        """One of our cancellations was carried out: was it the last stop of an open position?"""
        position = self.account.positions.get((SYMBOL, "BOTH"))
        if position is None or position.lots == 0 or ".s." not in request.client_id:
            return
        held = self.manager.blotter.held[0] if self.alive else position.lots
        if held * position.lots > 0 and not self.stops(position.lots) and not self.leaving():
            self.breaches.append(f"the last stop, {request.client_id}, was cancelled over {position.lots} open lots")

    def _cycle(self) -> None:
        self.bridge.now = now = self.clock.now
        self.bridge.pump(self.session)
        for request in self.manager.plan(now):
            self.send(request)
            if not isinstance(request, m.TakeSnapshot):
                self.busy_until = now + self.attentive
        self.bridge.pump(self.session)

    def _catch_up(self) -> None:
        """Candles that have closed."""
        if not self.market.bars or self.market.bars[-1].start < self.fed:
            return
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
        self.note("do", what)
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

    def note(self, what: str, *about: Any) -> None:
        """Remember what happened; put into words only when somebody wants to read it."""
        self.log.append((self.clock.now - START, what, about))

    def told(self) -> list[str]:
        """Everything that happened, a line each."""
        return [f"{time:>9} {' '.join([what, *map(str, about)])}" for time, what, about in self.log]

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
