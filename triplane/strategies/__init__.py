"""Strategies, and what is needed to write one: ``from triplane.strategies import ...``."""

from triplane.kernel.codes import Action, OrderType
from triplane.kernel.jit import Rec, njit, record
from triplane.strategies.base import Bar, Close, Enter, Param, PythonStrategy, Strategy, View, state

CLOSE, ENTER = Action.CLOSE, Action.ENTER
LIMIT, MARKET, STOP_MARKET = OrderType.LIMIT, OrderType.MARKET, OrderType.STOP_MARKET

__all__ = [
    "CLOSE",
    "ENTER",
    "LIMIT",
    "MARKET",
    "STOP_MARKET",
    "Bar",
    "Close",
    "Enter",
    "Param",
    "PythonStrategy",
    "Rec",
    "Strategy",
    "View",
    "njit",
    "record",
    "state",
]
