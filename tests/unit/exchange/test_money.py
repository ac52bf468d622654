"""Margin, funding, liquidation."""

from decimal import Decimal

import pytest

from triplane.kernel.ledger import liquidation_price


def state(box):
    return box.ok("GET", "/fapi/v3/account")


def test_an_isolated_position_is_liquidated_where_the_kernel_says(box):
    box.ok("POST", "marginType", symbol="BTCUSDT", marginType="ISOLATED")
    assert box.code("POST", "marginType", symbol="BTCUSDT", marginType="ISOLATED") == -4046
    box.ok("POST", "leverage", symbol="BTCUSDT", leverage=10)
    socket = box.user()
    box.order("BUY", "0.1")
    entry = float(box.account.positions["BTCUSDT", "BOTH"].entry)
    expected = liquidation_price(entry, 1, 10.0, 0.005)
    risk = box.ok("GET", "/fapi/v3/positionRisk")[0]
    assert float(risk["liquidationPrice"]) == pytest.approx(expected)
    fees = box.account.fills[-1].fee
    box.price(round(expected + 1, 1))
    assert box.account.positions
    socket.received()
    box.price(round(expected - 1, 1))
    assert box.account.positions == {}
    assert box.account.wallet == pytest.approx(Decimal(10_000) - fees - Decimal("600.03"), abs=Decimal("0.02"))
    update = socket.received()[-1]["o"]
    assert (update["x"], update["X"], update["c"][:10]) == ("CALCULATED", "FILLED", "autoclose-")
    assert box.ok("GET", "forceOrders")[0]["clientOrderId"] == update["c"]


def test_a_cross_account_is_warned_and_then_loses_all(box):
    socket = box.user()
    box.ok("POST", "leverage", symbol="BTCUSDT", leverage=50)
    box.order("SELL", "5")
    waiting = box.order("SELL", "0.01", price="90000")
    price = float(box.ok("GET", "/fapi/v3/positionRisk")[0]["liquidationPrice"])
    socket.received()
    box.price(round(price - 20, 1))
    assert socket.summary() == ["MARGIN_CALL"]
    box.price(round(price + 20, 1))
    assert box.account.positions == {}
    assert abs(box.account.wallet) < 1
    assert box.account.wallet >= 0
    assert box.ok("GET", "order", symbol="BTCUSDT", orderId=waiting["orderId"])["status"] == "CANCELED"


def test_funding_is_paid_by_longs_and_kept_in_the_income(box):
    socket = box.user()
    box.order("BUY", "0.1")
    socket.received()
    before = box.account.wallet
    eight = 8 * 3_600_000
    box.x.advance((box.x.now // eight + 1) * eight)
    paid = box.ok("GET", "income", incomeType="FUNDING_FEE")[-1]
    assert Decimal(paid["income"]) < 0
    assert box.account.wallet - before == Decimal(paid["income"])
    update = next(e for e in socket.received() if e["e"] == "ACCOUNT_UPDATE")
    assert update["a"]["m"] == "FUNDING_FEE"
    assert update["a"]["B"][0]["bc"] == paid["income"]
    assert box.ok("GET", "fundingRate", symbol="BTCUSDT")[-1]["fundingTime"] == paid["time"]


def test_leverage_bounds(box):
    assert box.code("POST", "leverage", symbol="BTCUSDT", leverage=126) == -4028
    assert box.ok("POST", "leverage", symbol="BTCUSDT", leverage=125)["maxNotionalValue"] == "800000"
    box.account.wallet = box.account.start = Decimal(1_000_000)
    big = {"symbol": "BTCUSDT", "side": "BUY", "type": "MARKET", "quantity": "14"}
    assert box.code("POST", "order", **big) == -2027
    box.ok("POST", "leverage", symbol="BTCUSDT", leverage=20)
    box.ok("POST", "order", **big)
    assert box.code("POST", "leverage", symbol="BTCUSDT", leverage=125) == -2027
    assert box.code("POST", "marginType", symbol="BTCUSDT", marginType="ISOLATED") == -4048


def test_margin_is_reserved_by_orders_and_released(box):
    box.ok("POST", "leverage", symbol="BTCUSDT", leverage=1)
    order = box.order(price="50000", quantity="0.1")
    assert float(state(box)["availableBalance"]) == pytest.approx(5_000)
    assert state(box)["totalOpenOrderInitialMargin"] == "5000.00000000"
    assert box.code("POST", "order", symbol="BTCUSDT", side="BUY", type="MARKET", quantity="0.1") == -2019
    box.ok("DELETE", "allOpenOrders", symbol="BTCUSDT")
    assert float(state(box)["availableBalance"]) == 10_000
    assert box.code("DELETE", "order", symbol="BTCUSDT", orderId=order["orderId"]) == -2011


def test_a_key_that_may_withdraw_says_so(box):
    assert box.ok("GET", "/sapi/v1/account/apiRestrictions")["enableWithdrawals"] is False
    box.account.can_withdraw = True
    assert box.ok("GET", "/sapi/v1/account/apiRestrictions")["enableWithdrawals"] is True
