"""What a session says, made up: every fact that has a table, and some that have none, in an order that may happen.

And what a store says then.
"""

from random import Random
from typing import Any

from triplane.model.facts import (
    Account,
    Candle,
    Error,
    Fact,
    Features,
    Fill,
    Order,
    Position,
    RiskAlert,
    Session,
    SessionEnd,
    Settings,
    Signal,
    Structure,
    TakeProfit,
    TpLevels,
    Trade,
    Zone,
)
from triplane.store import Store

MINUTE = 60_000


class _Story:
    def __init__(self, session_id: str, seed: int) -> None:
        self.id = session_id
        self.facts: list[Fact] = []
        self.chance = Random(seed)
        self.now = 0
        self.deals = 0

    def say(self, what: type[Fact], /, **fields: Any) -> None:
        head: dict[str, Any] = {"session_id": self.id, "seq": len(self.facts) + 1, "time": self.now}
        self.facts.append(what(**head | {"symbol": "BTCUSDT"} | fields))

    def minute(self, number: int) -> None:
        self.now = number * MINUTE
        price = 100 + self.chance.random()
        market: dict[str, Any] = {"venue": "demo", "tf": "1m", "open_time": self.now - MINUTE, "volume": 1.0}
        self.say(Candle, **market, open=price, high=price + 1, low=price - 1, close=price)
        self.say(Features, tf="1m", ts=self.now - MINUTE, ema20=price, plots={"line": price, "none": None})
        if self.chance.random() < 0.2:
            self.say(Structure, tf="1m", ts=self.now, kind="BOS_UP", ref_ts=0, level=price)
            self.zone(self.chance.randrange(5), price)
        if self.chance.random() < 0.2:
            self.deal(price)
        if self.chance.random() < 0.1:
            self.account(price)
            self.say(
                RiskAlert, alert_id=f"{self.id}.a{number}", severity="INFO", alert_type="x", message="", details={}
            )
            self.say(Error, code="feed_lost", message="Gone.")

    def zone(self, number: int, price: float) -> None:
        place: dict[str, Any] = {"price_lo": price, "price_hi": price + 1, "created_ts": 0, "confirmed_ts": 1}
        state = {"strength": price / 20, "touches": int(price) % 3, "filled_percent": 0.5, "valid": True}
        self.say(Zone, id=f"z{number}", tf="1m", kind="OB", side="DEMAND", **place, **state)

    def account(self, profit: float) -> None:
        figures = dict.fromkeys(("unrealized", "used_margin", "max_drawdown", "day_equity", "peak_equity"), 0.0)
        state = {"trades_today": 1, "open_positions": 0, "halted": profit > 100.9, "gates": []}
        reason = "daily_loss_limit" if state["halted"] else None
        money = {"start_balance": 10_000.0, "balance": 10_000.0, "equity": 10_000 + profit, "simulated": 0.0}
        self.say(Account, epoch=0, halt_reason=reason, **money, **figures, **state)

    def deal(self, price: float) -> None:
        """A signal, its order, fill and position, and their end."""
        self.deals += 1
        number, text = self.deals, f"{price:.4f}"
        head: dict[str, Any] = {"decision": number}
        signal: dict[str, Any] = {
            "id": f"{self.id}.g{number}", "agent": "x", "action": "enter", "signal_type": "buy", "confidence": 0.5,
            "confidence_level": "medium", "price": price, "entry_price": price, "stop_loss": None,
            "tp_levels": TpLevels(tp1=price + 1), "position_size": None, "risk_reward_ratio": None,
            "indicators": {"ema": None, "trend": "up"}, "reasons": ["Because."], "generated_at": self.now,
        }  # fmt: skip
        self.say(Signal, **head, **signal, status="generated")
        order: dict[str, Any] = {
            "order_id": f"{self.id}.{number}", "client_order_id": f"{self.id}.c{number}", "leg": "entry",
            "type": "limit", "side": "buy", "quantity": "0.0010", "price": text, "trigger_price": None,
            "requested_price": text, "reduce_only": False, "created_at": self.now, "expires_at": None,
        }  # fmt: skip
        self.say(Order, **head, **order)
        if self.chance.random() < 0.3:
            self.say(Order, **head, **order, status="cancelled", reason="ttl")
            self.say(Signal, **head, **signal, status="expired")
            return
        self.say(Order, **head, **order, status="filled", filled_quantity="0.0010", filled_price=text)
        self.say(Signal, **head, **signal, status="executed", executed_at=self.now, execution_latency_ms=5)
        fill = {"fill_id": f"{self.id}.f{number}", "order_id": order["order_id"], "leg": "entry", "side": "buy"}
        self.say(
            Fill, **head, **fill, filled_at=self.now, price=text, quantity="0.0010", fee="0.00000001", slippage="0",
            maker=False, reason=None,
        )  # fmt: skip
        position: dict[str, Any] = {
            "id": f"{self.id}.p{number}", "side": "LONG", "quantity": "0.0010", "entry_price": text,
            "entry_time": self.now, "stop_loss": "90", "leverage": "1",
        }  # fmt: skip
        goals = [TakeProfit(price="110", quantity="0.0010")]
        self.say(Position, **head, **position, status="open", size="0.0010", take_profits=goals)
        self.say(Position, **head, **position, status="closed", size="0", take_profits=[])
        self.say(
            Trade, **head, id=position["id"], position_id=position["id"], side="LONG", quantity="0.0010",
            entry_time=self.now, exit_time=self.now, entry_price=text, exit_price="110.10", pnl="0.10", fees="0",
            funding="0", slippage="0", balance_after="10000.10", r_multiple=None, mae=-1.0, mfe=1.0,
            exit_reason="target", bars_held=1, stop_loss=None,
        )  # fmt: skip


def story(session_id: str, minutes: int, seed: int = 1) -> list[Fact]:
    """Every fact of a session that has ended."""
    told = _Story(session_id, seed)
    told.say(
        Session, symbol="", mode="paper", venue="demo", source="demo", strategy="x", strategy_text="does x",
        parameters={"n": 1.5}, symbols=["BTCUSDT"], base="1m", timeframe="1m", start_balance="10000", started_at=seed,
        settings={"max_trades_day": 3},
    )  # fmt: skip
    for number in range(1, minutes + 1):
        told.minute(number)
        if number == minutes // 2:
            told.say(Settings, values={"max_trades_day": 2})
    told.say(SessionEnd, symbol="", decisions_sha256="ab")
    return told.facts


def everything(store: Store) -> dict[str, list[dict[str, Any]]]:
    """Every row of every table, but for how far each session is stored."""
    names = set(store.schema.tables) - {"journal"}
    return {name: sorted(store.rows(name), key=lambda row: str(sorted(row.items()))) for name in sorted(names)}
