"""Why there is no order: each gate with its value and its limit, in the order in which the core asks."""

from typing import Any

import pytest

from triplane.api.replica.checks import GATE_TEXTS, last_word, signal_checks
from triplane.kernel.codes import Check as Code
from triplane.kernel.codes import Gate
from triplane.model.settings import TradingSettings

from ..streams import Stream


def checks(
    state: str = "SCANNING", grade: str | None = "A", trading: dict[str, Any] | None = None, **account: Any
) -> Any:
    made = signal_checks(Stream().account(**account), state, grade, TradingSettings(**(trading or {})))
    return {check.name: check for check in made}


def test_all_is_well() -> None:
    found = checks()
    assert all(check.passed for check in found.values())
    assert list(found)[:3] == ["state", "halted", "stale_feed"]
    assert list(found)[-2:] == ["margin_utilisation", "max_trades_day"]
    assert "data_quality" not in checks(grade=None)
    assert "daily_loss_limit" not in checks(trading={"daily_loss_share": 0})


@pytest.mark.parametrize(
    ("given", "name", "text"),
    [
        ({"state": "IN_POSITION"}, "state", "The session is in position."),
        ({"halted": True}, "halted", "The session is halted."),
        ({"gates": ["news_blackout"]}, "news_blackout", "The gate news_blackout is closed."),
        ({"grade": "D"}, "data_quality", "The data has grade D."),
        ({"open_positions": 3}, "max_open_positions", "3 of 3 positions are open."),
        ({"equity": 9700.0}, "daily_loss_limit", "The day has lost 3.00 % of 3.00 %."),
        (
            {"equity": 9900.0, "trading": {"daily_loss_share": 0, "daily_loss_quote": 50}},
            "daily_loss_limit",
            "The day has lost 100.00 of 50.00.",
        ),
        ({"peak_equity": 16_000.0}, "drawdown", "The drawdown is 37.50 % of 20.00 %."),
        ({"used_margin": 8000.0}, "margin_utilisation", "80.00 % of 80.00 % margin is in use."),
        ({"equity": 0.0, "day_equity": 0.0}, "margin_utilisation", "100.00 % of 80.00 % margin is in use."),
        ({"trades_today": 5}, "max_trades_day", "5 of 5 trades were opened today."),
    ],
)
def test_what_stands_in_the_way(given: dict[str, Any], name: str, text: str) -> None:
    found = checks(**given)
    assert (found[name].passed, found[name].text) == (False, text)


def test_the_names_are_the_cores() -> None:
    assert list(GATE_TEXTS) == [gate.label for gate in Gate]
    names = {code.label for code in Code}
    assert set(checks(trading={"daily_loss_quote": 1})) - {"state"} - set(GATE_TEXTS) <= names


def test_the_core_has_the_last_word() -> None:
    assert last_word({"check": None, "value": None, "limit": None}).passed
    refused = last_word({"check": "min_sharpe", "value": 0.5, "limit": 2.0})
    assert not refused.passed
    assert refused.text == (
        "The core would refuse an entry: the Sharpe ratio of the trades so far, 0.5, is below the minimum of 2."
    )
    assert not last_word(None).passed
