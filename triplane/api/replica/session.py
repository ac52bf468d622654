"""One session as page and API see it: a fold of its facts, and of nothing else.

:meth:`SessionReplica.take` may be given the facts in any pieces and ends with the same views. What changes on the way
is told to ``say``, from which the messages of the sockets are made; in a fast replay nobody listens, and nothing is
made.
"""

from collections import OrderedDict, deque
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from msgspec.structs import replace

from triplane.api.replica import views
from triplane.api.replica.chart import Chart
from triplane.api.replica.checks import BAD_GRADES, last_word, signal_checks
from triplane.api.replica.record import Record
from triplane.api.replica.views import CandleView, EngineState, PositionView, StatusView, view_of
from triplane.model import facts
from triplane.model.facts import event_name
from triplane.model.live import FeedHealth, Forming, SessionHealth
from triplane.model.money import money_text, price_text
from triplane.model.sentences import LogEntry, alert_text, entry
from triplane.model.settings import TradingSettings

SIGNALS: Final = 500
LOG: Final = 2000
UNITS: Final = {"m": 60_000, "h": 3_600_000, "d": 86_400_000, "w": 604_800_000}

KILLED: Final = "kill_switch"
OF_SESSION: Final = (facts.Account, facts.Error, facts.RiskAlert, facts.SessionEnd, facts.Settings)
"""Facts that may concern no symbol."""

Say = Callable[[str, str | None, int, Any], None]
"""Told of topic, symbol, market time and what is new."""


def nobody(topic: str, symbol: str | None, time: int, data: Any) -> None:
    """Listens to nothing."""


def length_of(timeframe: str) -> int:
    """Length of a timeframe such as ``15m``, ms."""
    return int(timeframe[:-1]) * UNITS[timeframe[-1]]


class RowState:
    """One symbol of a session, in a portfolio one symbol of a sleeve."""

    def __init__(self, base_ms: int, strategy: str, timeframe: str) -> None:
        self.strategy, self.timeframe = strategy, timeframe
        bar_ms = length_of(timeframe)
        self.chart = Chart(base_ms, bar_ms)
        self.status = facts.Status(
            session_id="", seq=0, time=0, state="BOOTSTRAP", cooldown_remaining=0, data_grade=None, margin=0.0,
            liquidation_price=None,
        )  # fmt: skip
        self.orders: dict[str, facts.Order] = {}
        self.last_entry: facts.Order | None = None  # also when it is over
        self.position: facts.Position | None = None

    @property
    def entry(self) -> facts.Order | None:
        """The entry order that works, if one does."""
        return next((order for order in self.orders.values() if order.leg == "entry"), None)


def rows_of(session: facts.Session) -> list[tuple[str, str, str]]:
    """Name, strategy and timeframe of each row of a session."""
    return [
        (facts.row_name(symbol, sleeve.name), sleeve.strategy, sleeve.timeframe)
        for sleeve in session.sleeves
        for symbol in sleeve.symbols
    ] or [(symbol, session.strategy, session.timeframe) for symbol in session.symbols]


class SessionReplica:
    """Folds the facts of one session.

    Parameters
    ----------
    session
        Its first fact.

    Attributes
    ----------
    symbols
        What is known of each row, by its name: the symbol, in a portfolio ``symbol:sleeve``.
    health
        What the engine said of it last; None while it says nothing of it.
    halt_text
        What was given as the reason when the kill switch was thrown last.
    """

    def __init__(self, session: facts.Session) -> None:
        self.session, self.id = session, session.session_id
        self.base_ms = length_of(session.base)
        self.symbols = {name: RowState(self.base_ms, *made) for name, *made in rows_of(session)}
        self._of_market: dict[str, list[str]] = {}
        for name in self.symbols:
            self._of_market.setdefault(name.partition(":")[0], []).append(name)
        start = float(session.start_balance)
        self.record = Record(start)
        self.account = facts.Account(
            session_id=self.id, seq=0, time=0, epoch=session.epoch, start_balance=start, simulated=0.0, balance=start,
            equity=start, unrealized=0.0, used_margin=0.0, peak_equity=start, max_drawdown=0.0, day_equity=start,
            trades_today=0, open_positions=0, halted=False, halt_reason=None, gates=[],
        )  # fmt: skip
        self.trading = TradingSettings.model_validate(session.settings)
        self.signals: OrderedDict[str, facts.Signal] = OrderedDict()
        self.log: deque[LogEntry] = deque(maxlen=LOG)
        self.end: facts.SessionEnd | None = None
        self.health: SessionHealth | None = None
        self.halt_text: str | None = None
        self.seq, self.now = session.seq, 0  # it was started at a time of day, which is not the market's
        named = {kind: event_name(kind).partition(".")[0] for kind in facts.FACTS}
        self._take: dict[type[facts.Fact], Callable[[Any, Say], None] | None]
        self._take = {kind: getattr(self, f"_on_{name}", None) for kind, name in named.items()}

    # ------------------------------------------------------------------------------------------------------------ fold
    def take(self, new: Sequence[facts.Fact], say: Say = nobody) -> None:
        """Take facts in order, each once."""
        for fact in new:
            self.seq = fact.seq
            if not isinstance(fact, facts.Session):
                self.now = max(self.now, fact.time)
            handler = self._take.get(type(fact))
            known = fact.row in self.symbols or (isinstance(fact, facts.Candle) and fact.symbol in self._of_market)
            if handler is not None and (known or isinstance(fact, OF_SESSION)):
                handler(fact, say)
            told = entry(fact)
            if told is not None:
                self.log.append(told)
                say("decision", fact.row or None, fact.time, told)
            say("facts", fact.row or None, fact.time, fact)

    def _of(self, fact: facts.Fact) -> RowState:
        return self.symbols[fact.row]

    def _on_candles(self, fact: facts.Candle, say: Say) -> None:
        if fact.tf != self.session.base:
            return
        changed = {name: self.symbols[name].chart.on_candle(fact) for name in self._of_market[fact.symbol]}
        self.record.roll(fact.open_time + self.base_ms)
        self.record.curve.add(fact.open_time, self.account.equity - self.account.simulated)
        for name, bars in changed.items():
            for bar in bars:
                self._say_bar(name, fact, bar, say)
            self._say_position(name, say)

    def _say_bar(self, name: str, fact: facts.Fact, bar: CandleView, say: Say) -> None:
        timeframe = self.symbols[name].timeframe
        say("market_data", name, fact.time, views.MarketData(timeframe=timeframe, candle=bar))

    def _say_position(self, symbol: str, say: Say) -> None:
        if say is not nobody and self.symbols[symbol].position is not None:
            say("position_update", symbol, self.now, self.position(symbol))

    def _on_features(self, fact: facts.Features, say: Say) -> None:
        bar = self._of(fact).chart.on_features(fact) if fact.tf == self._of(fact).timeframe else None
        if bar is not None:
            self._say_bar(fact.row, fact, bar, say)

    def _on_zones(self, fact: facts.Zone, say: Say) -> None:
        self._of(fact).chart.on_zone(fact)
        say("zone_update", fact.row, fact.time, views.ZoneUpdate(zones=[fact]))

    def _on_signal(self, fact: facts.Signal, say: Say) -> None:
        self.record.conduct.hear(fact)
        self.signals.pop(fact.id, None)
        self.signals[fact.id] = fact
        if len(self.signals) > SIGNALS:
            self.signals.popitem(last=False)
        say("signal_generated", fact.row, fact.time, fact)
        self._mark(fact, say)

    def _mark(self, fact: facts.Fill | facts.Signal, say: Say) -> None:
        marker = self._of(fact).chart.mark(fact)
        if marker is not None:
            say("marker", fact.row, fact.time, marker)

    def _on_fill(self, fact: facts.Fill, say: Say) -> None:
        self.record.conduct.hear(fact)
        self._mark(fact, say)

    def _on_order(self, fact: facts.Order, say: Say) -> None:
        self.record.conduct.hear(fact)
        orders = self._of(fact).orders
        created = fact.order_id not in orders and fact.working
        if fact.working:
            orders[fact.order_id] = fact
        else:
            orders.pop(fact.order_id, None)
        if fact.leg == "entry":
            self._of(fact).last_entry = fact
        say("order_created" if created else "order_updated", fact.row, fact.time, fact)

    def _on_position(self, fact: facts.Position, say: Say) -> None:
        self._of(fact).position = fact if fact.status == "open" else None
        self._say_position(fact.row, say)

    def _on_trade(self, fact: facts.Trade, say: Say) -> None:
        self.record.conduct.hear(fact)
        self.record.add(fact)
        say("position_closed", fact.row, fact.time, fact)

    def _on_account(self, fact: facts.Account, say: Say) -> None:
        if (fact.epoch, fact.start_balance) != (self.account.epoch, self.account.start_balance):
            same = fact.epoch == self.account.epoch  # else begun anew; so the venue has said what there is
            self.record = Record(fact.start_balance, self.record.conduct if same else None)
            self.record.roll(self.now)
        self.account = fact
        self.record.conduct.hear(fact)
        self.record.mark(fact.equity - fact.simulated)
        if say is not nobody:
            say("account_update", None, fact.time, self.portfolio())

    def _on_status(self, fact: facts.Status, say: Say) -> None:
        self._of(fact).status = fact
        say("session_update", fact.row, fact.time, None)

    def _on_state_change(self, fact: facts.StateChange, say: Say) -> None:
        of = self._of(fact)
        of.status = replace(of.status, state=fact.to_state)
        say("state_change", fact.row, fact.time, fact)

    def _on_settings(self, fact: facts.Settings, say: Say) -> None:
        self.trading = TradingSettings.model_validate(fact.values)
        say("session_update", None, fact.time, None)

    def _on_risk_alert(self, fact: facts.RiskAlert, say: Say) -> None:
        told = fact if fact.message else replace(fact, message=alert_text(fact))
        say("risk_alert", fact.row or None, fact.time, told)

    def _on_error(self, fact: facts.Error, say: Say) -> None:
        if fact.code == KILLED:
            self.halt_text = fact.message
        say("error", fact.row or None, fact.time, fact)

    def _on_session_end(self, fact: facts.SessionEnd, say: Say) -> None:
        self.end = fact
        say("session_update", None, fact.time, None)

    def on_forming(self, forming: Forming, say: Say = nobody) -> None:
        """The base candle under way of one symbol."""
        candle = forming.candle
        for name in self._of_market.get(candle.symbol, ()):
            chart = self.symbols[name].chart
            chart.price = candle.close
            self._say_bar(name, candle, chart.draft(candle), say)
            self._say_position(name, say)

    # ----------------------------------------------------------------------------------------------------------- reads
    @property
    def status_text(self) -> str:
        """loading, running, finished, stopped, failed or interrupted."""
        if self.health is not None:
            return self.health.status
        return "finished" if self.end is not None else "interrupted"

    def rows_of_market(self, symbol: str) -> list[str]:
        """The names of the rows that trade a market."""
        return self._of_market.get(symbol, [])

    def status(self, symbol: str, engine: EngineState) -> StatusView:
        """Where the session stands with a symbol."""
        of, health, account = self.symbols[symbol], self.health, self.account
        state, grade = of.status.state, of.status.data_grade
        scanning = state == "SCANNING" and not account.halted and not account.gates and grade not in BAD_GRADES
        return view_of(
            StatusView,
            self.session,
            state=state,
            can_receive_signals=scanning and self.end is None,
            is_active_trade=of.position is not None,
            cooldown_remaining=of.status.cooldown_remaining if state == "COOLDOWN" else 0,
            current_order_id=of.entry.order_id if of.entry is not None else None,
            current_position_id=of.position.id if of.position is not None else None,
            session_status=self.status_text,
            symbol=symbol,
            symbols=list(self.symbols),
            strategy=of.strategy,
            timeframe=of.timeframe,
            speed=health.speed if health is not None else "max",
            halted=account.halted,
            halt_reason=account.halt_reason if account.halted else None,
            halt_text=self.halt_text if account.halt_reason == KILLED else None,
            error=health.error if health is not None else None,
            error_line=health.error_line if health is not None else None,
            data_grade=grade,
            gates=account.gates,
            last_candle_time=of.chart.last_time,
            finished=self.end is not None,
            seq=self.seq,
            engine=engine,
        )

    def view(self) -> views.SessionView:
        """The session in a list of sessions."""
        end, account = self.end, self.account
        return view_of(
            views.SessionView,
            self.session,
            id=self.id,
            symbols=list(self.symbols),
            status=self.status_text,
            ended_at=end.time if end is not None else None,
            halt_reason=account.halt_reason if account.halted else None,
            error=self.health.error if self.health is not None else None,
            decisions_sha256=end.decisions_sha256 if end is not None else None,
            net_pnl=money_text(account.equity - self.record.curve.start),
        )

    def signal_check(self, symbol: str, said: Mapping[str, Any] | None) -> views.SignalCheck:
        """Each gate's verdict now, and what the core ``said`` when it was asked."""
        of = self.symbols[symbol]
        checks = [
            *signal_checks(self.account, of.status.state, of.status.data_grade, self.trading),
            last_word(said),
        ]
        passed = all(check.passed for check in checks)
        return views.SignalCheck(
            session_id=self.id, symbol=symbol, time=of.chart.last_time, checks=checks, would_trade=passed
        )

    def history(self, symbol: str, limit: int, before: int | None = None) -> views.History:
        """The last candles with indicators, zones and markers."""
        chart, timeframe = self.symbols[symbol].chart, self.symbols[symbol].timeframe
        candles, zones, markers = chart.history(limit, before)
        return views.History(
            session_id=self.id, symbol=symbol, timeframe=timeframe, plots=chart.plots, candles=candles,
            zones=zones, markers=markers,
        )  # fmt: skip

    def feed(self) -> views.FeedView:
        """The connection to the source of market data."""
        grades = [of.status.data_grade for of in self.symbols.values() if of.status.data_grade]
        known = self.health.feed if self.health is not None else FeedHealth(source=self.session.source)
        return view_of(views.FeedView, known, session_id=self.id, data_grade=max(grades, default=None))

    def position(self, symbol: str) -> PositionView | None:
        """The open position of a symbol at the newest price."""
        of = self.symbols[symbol]
        if of.position is None:
            return None
        side = 1 if of.position.side == "LONG" else -1
        size, opened = float(of.position.size), float(of.position.entry_price)
        price = of.chart.price if of.chart.price is not None else opened
        pnl, worth = (price - opened) * size * side, opened * size
        margin, liquidation = of.status.margin, of.status.liquidation_price
        return view_of(
            PositionView, of.position,
            current_price=price_text(price),
            current_pnl=money_text(pnl),
            current_pnl_pct=100.0 * pnl / worth if worth else None,
            margin_ratio=(margin + pnl) / margin if margin > 0 else None,
            liquidation_price=price_text(liquidation) if liquidation else None,
        )  # fmt: skip

    def portfolio(self) -> views.Portfolio:
        """The account with open positions and pending orders."""
        a = self.account
        positions = [self.position(symbol) for symbol, of in self.symbols.items() if of.position is not None]
        return views.Portfolio(
            session_id=self.id,
            time=self.now or None,
            wallet_balance=money_text(a.balance),
            margin_balance=money_text(a.equity),
            available_balance=money_text(max(a.equity - a.used_margin, 0.0)),
            unrealized_pnl=money_text(a.unrealized),
            total_equity=money_text(a.equity),
            open_positions=[position for position in positions if position is not None],
            pending_orders=[order for of in self.symbols.values() for order in of.orders.values()],
            today=self.record.today(a.equity, a.day_equity, a.trades_today),
        )

    def performance(self) -> views.Performance:
        """The figures so far."""
        return self.record.performance(self.id, self.now)

    def equity_curve(self, limit: int) -> views.EquityCurve:
        """Up to ``limit`` points of the whole curve."""
        return views.EquityCurve(session_id=self.id, points=self.record.curve.points(limit, self.base_ms))

    def pending_signals(self) -> list[facts.Signal]:
        """The signals that wait for a person, oldest first."""
        return [signal for signal in self.signals.values() if signal.status == "pending"]
