"""Settings of trading: what is allowed, and the kernel's records of them."""

import numpy as np
import pytest
from pydantic import BaseModel

from triplane.errors import BadInput
from triplane.model.settings import CostSettings, TradingSettings, checked


def test_every_default_is_allowed_and_explained() -> None:
    for model in (TradingSettings, CostSettings):
        model.model_validate(model().model_dump())
        assert all(field.description for field in model.model_fields.values())


def test_limits_as_the_kernel_reads_them() -> None:
    record = TradingSettings(max_open_positions=7, min_sharpe=1.5, execution_mode="manual").to_record()[0]
    assert (record["max_open_positions"], record["min_sharpe"], record["manual"], record["quality_gate"]) == (
        7,
        1.5,
        1,
        1,
    )
    assert np.isnan(TradingSettings().to_record()[0]["min_sharpe"])


def test_true_is_no_number() -> None:
    with pytest.raises(BadInput, match="max_open_positions is True; it must be a number, not true or false"):
        checked(TradingSettings, {"max_open_positions": True}, "Trading settings")
    for name in ("min_sharpe", "daily_loss_share"):
        with pytest.raises(BadInput, match=f"{name} is False; it must be a number"):
            checked(TradingSettings, {name: False}, "Trading settings")
    assert TradingSettings(break_even=False).break_even is False


def test_a_fixed_quantity_is_research_without_the_quality_gate() -> None:
    record = TradingSettings().to_record(25)[0]
    assert (record["fixed_lots"], record["quality_gate"]) == (25, 0)


def test_costs_as_the_kernel_reads_them() -> None:
    costs = CostSettings(maker_fee=-0.0001, leverage=5)
    record = costs.to_record()[0]
    assert {name: record[name] for name in CostSettings.model_fields} == pytest.approx(costs.charged().model_dump())


@pytest.mark.parametrize(
    ("model", "values", "sentence"),
    [
        (TradingSettings, {"risk_per_trade": 2}, "Settings: risk_per_trade is 2; it must be at most 1"),
        (TradingSettings, {"max_drawdown": float("nan")}, "Settings: max_drawdown is nan; it must be a finite number"),
        (TradingSettings, {"max_trades": 2}, "Settings: max_trades is not a setting; did you mean max_trades_day?"),
        (CostSettings, {"maker_fee": "x"}, "Settings: fee is 'x'; it must be a number"),
    ],
)
def test_a_wrong_value_is_one_sentence(model: type[BaseModel], values: dict[str, object], sentence: str) -> None:
    with pytest.raises(BadInput) as caught:
        checked(model, values, "Settings", {"maker_fee": "fee"})
    assert str(caught.value) == sentence
