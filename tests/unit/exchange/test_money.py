"""Margin, funding, liquidation."""

from decimal import Decimal

import pytest

from triplane.kernel.ledger import liquidation_price


def state(desk):
    return desk.ok("GET", "/fapi/v3/account")


def test_an_isolated_position_is_liquidated_where_the_kernel_says(desk):
    desk.ok("POST", "marginType", symbol="BTCUSDT", marginType="ISOLATED")
    assert desk.code("POST", "marginType", symbol="BTCUSDT", marginType="ISOLATED") == -4046
    desk.ok("POST", "leverage", symbol="BTCUSDT", leverage=10)
    ear = desk.user()
    desk.order("BUY", "0.1")
    entry = float(desk.account.positions["BTCUSDT", "BOTH"].entry)
    expected = liquidation_price(entry, 1, 10.0, 0.005)
    risk = desk.ok("GET", "/fapi/v3/positionRisk")[0]
    assert float(risk["liquidationPrice"]) == pytest.approx(expected)
    fees = desk.account.fills[-1].fee
    desk.price(round(expected + 1, 1))
    assert desk.account.positions
    ear.heard()
    desk.price(round(expected - 1, 1))
    assert desk.account.positions == {}
    assert desk.account.wallet == pytest.approx(Decimal(10_000) - fees - Decimal("600.03"), abs=Decimal("0.02"))
    update = ear.heard()[-1]["o"]
    assert (update["x"], update["X"], update["c"][:10]) == ("CALCULATED", "FILLED", "autoclose-")
    assert desk.ok("GET", "forceOrders")[0]["clientOrderId"] == update["c"]


def test_a_cross_account_is_warned_and_then_loses_all(desk):
    ear = desk.user()
    desk.ok("POST", "leverage", symbol="BTCUSDT", leverage=50)
    desk.order("SELL", "5")
    waiting = desk.order("SELL", "0.01", price="90000")
    price = float(desk.ok("GET", "/fapi/v3/positionRisk")[0]["liquidationPrice"])
    ear.heard()
    desk.price(round(price - 20, 1))
    assert ear.said() == ["MARGIN_CALL"]
    desk.price(round(price + 20, 1))
    assert desk.account.positions == {}
    assert abs(desk.account.wallet) < 1
    assert desk.account.wallet >= 0
    assert desk.ok("GET", "order", symbol="BTCUSDT", orderId=waiting["orderId"])["status"] == "CANCELED"


def test_funding_is_paid_by_longs_and_kept_in_the_income(desk):
    ear = desk.user()
    desk.order("BUY", "0.1")
    ear.heard()
    before = desk.account.wallet
    eight = 8 * 3_600_000
    desk.x.advance((desk.x.now // eight + 1) * eight)
    paid = desk.ok("GET", "income", incomeType="FUNDING_FEE")[-1]
    assert Decimal(paid["income"]) < 0
    assert desk.account.wallet - before == Decimal(paid["income"])
    update = next(e for e in ear.heard() if e["e"] == "ACCOUNT_UPDATE")
    assert update["a"]["m"] == "FUNDING_FEE"
    assert update["a"]["B"][0]["bc"] == paid["income"]
    assert desk.ok("GET", "fundingRate", symbol="BTCUSDT")[-1]["fundingTime"] == paid["time"]


def test_leverage_bounds(desk):
    assert desk.code("POST", "leverage", symbol="BTCUSDT", leverage=126) == -4028
    assert desk.ok("POST", "leverage", symbol="BTCUSDT", leverage=125)["maxNotionalValue"] == "800000"
    desk.account.wallet = desk.account.start = Decimal(1_000_000)
    big = {"symbol": "BTCUSDT", "side": "BUY", "type": "MARKET", "quantity": "14"}
    assert desk.code("POST", "order", **big) == -2027
    desk.ok("POST", "leverage", symbol="BTCUSDT", leverage=20)
    desk.ok("POST", "order", **big)
    assert desk.code("POST", "leverage", symbol="BTCUSDT", leverage=125) == -2027
    assert desk.code("POST", "marginType", symbol="BTCUSDT", marginType="ISOLATED") == -4048


def test_margin_is_reserved_by_orders_and_released(desk):
    desk.ok("POST", "leverage", symbol="BTCUSDT", leverage=1)
    order = desk.order(price="50000", quantity="0.1")
    assert float(state(desk)["availableBalance"]) == pytest.approx(5_000)
    assert state(desk)["totalOpenOrderInitialMargin"] == "5000.00000000"
    assert desk.code("POST", "order", symbol="BTCUSDT", side="BUY", type="MARKET", quantity="0.1") == -2019
    desk.ok("DELETE", "allOpenOrders", symbol="BTCUSDT")
    assert float(state(desk)["availableBalance"]) == 10_000
    assert desk.code("DELETE", "order", symbol="BTCUSDT", orderId=order["orderId"]) == -2011


def test_a_key_that_may_withdraw_says_so(desk):
    assert desk.ok("GET", "/sapi/v1/account/apiRestrictions")["enableWithdrawals"] is False
    desk.account.can_withdraw = True
    assert desk.ok("GET", "/sapi/v1/account/apiRestrictions")["enableWithdrawals"] is True
