"""A schedule of faults, kills and actions by chance: the same one for the same seed."""

import random
from dataclasses import dataclass, field
from typing import Any


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
