"""Strategies, and what is needed to write one: ``from triplane.strategies import ...``."""

from triplane.kernel.codes import Action, OrderType
from triplane.kernel.jit import Rec, njit, record
from triplane.kernel.records import NO_TARGET
from triplane.strategies.base import (
    Bar,
    Cancel,
    Close,
    Enter,
    Manage,
    Param,
    PythonStrategy,
    Reduce,
    Strategy,
    View,
    state,
)
from triplane.strategies.detector import Detector
from triplane.strategies.kit import Reasons, bracket, show

NOTHING, ENTER, CLOSE, REDUCE, MANAGE, CANCEL = Action
LIMIT, MARKET, STOP_MARKET = OrderType.LIMIT, OrderType.MARKET, OrderType.STOP_MARKET

__all__ = [
    "CANCEL",
    "CLOSE",
    "ENTER",
    "LIMIT",
    "MANAGE",
    "MARKET",
    "NOTHING",
    "NO_TARGET",
    "REDUCE",
    "STOP_MARKET",
    "Bar",
    "Cancel",
    "Close",
    "Detector",
    "Enter",
    "Manage",
    "Param",
    "PythonStrategy",
    "Reasons",
    "Rec",
    "Reduce",
    "Strategy",
    "View",
    "bracket",
    "njit",
    "record",
    "show",
    "state",
]
