"""Strategies, and what is needed to write one: ``from triplane.strategies import ...``."""

from triplane.kernel.jit import Rec, njit, record
from triplane.kernel.records import CLOSE, ENTER, LIMIT, MARKET, STOP_MARKET
from triplane.strategies.base import Bar, Close, Enter, Param, PythonStrategy, Strategy, View, state

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
