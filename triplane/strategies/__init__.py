"""Strategies, and what is needed to write one: ``from triplane.strategies import ...``."""

from triplane.kernel.codes import Action, OrderType
from triplane.kernel.jit import Rec, njit, record
from triplane.strategies.base import Bar, Close, Enter, Param, PythonStrategy, Strategy, View, state
from triplane.strategies.detector import Detector
from triplane.strategies.kit import Reasons, bracket, show

NOTHING, ENTER, CLOSE = Action.NOTHING, Action.ENTER, Action.CLOSE
LIMIT, MARKET, STOP_MARKET = OrderType.LIMIT, OrderType.MARKET, OrderType.STOP_MARKET

__all__ = [
    "CLOSE",
    "ENTER",
    "LIMIT",
    "MARKET",
    "NOTHING",
    "STOP_MARKET",
    "Bar",
    "Close",
    "Detector",
    "Enter",
    "Param",
    "PythonStrategy",
    "Reasons",
    "Rec",
    "Strategy",
    "View",
    "bracket",
    "njit",
    "record",
    "show",
    "state",
]
