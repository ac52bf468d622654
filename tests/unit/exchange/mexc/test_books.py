"""Whatever is traded at MEXC, its books are those of the account."""

from decimal import Decimal

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("order"), st.sampled_from([1, 2, 3, 4]), st.integers(1, 40)),
        st.tuples(st.just("price"), st.integers(-300, 300), st.just(0)),
    ),
    max_size=12,
)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(hedge=st.booleans(), steps=STEPS)
def test_positions_deals_and_money_agree(client, hedge, steps):
    account = client.account
    client.ok("POST", "order/cancel_all", symbol="")
    for key, position in list(account.positions.items()):  # begin flat
        side = (4 if position.sign > 0 else 2) if account.hedge else (3 if position.sign > 0 else 1)
        client.ok(
            "POST",
            "order/create",
            symbol="BTC_USDT",
            side=side,
            vol=abs(position.lots),
            type=5,
            openType=1,
            leverage=10,
        )
        assert key not in account.positions
    account.hedge = hedge
    start, deals = account.wallet, len(account.fills)
    for what, number, size in steps:
        if what == "price":
            client.price(60_000 + number)
        else:
            client.ask(
                "POST", "order/create", symbol="BTC_USDT", side=number, vol=size, type=5, openType=1, leverage=10
            )
    held = {key: (p.sign, abs(p.lots)) for key, p in account.positions.items()}
    assert {key: (t.sign, t.lots) for key, t in account.tracks.items()} == held
    assert all(t.opened - t.closed == t.lots > 0 for t in account.tracks.values())
    shown = {(r["positionType"], r["holdVol"]) for r in client.ok("GET", "position/open_positions")}
    assert shown == {(1 if sign > 0 else 2, lots) for sign, lots in held.values()}
    mine = list(account.fills)[deals:]
    assert account.wallet == start + sum((f.realized - f.fee for f in mine), Decimal(0))
    asset = account_asset(client)
    assert asset["availableBalance"] + asset["frozenBalance"] + asset["positionMargin"] == account.wallet


def account_asset(client):
    asset = client.ok("GET", "account/asset/USDT")
    return {name: Decimal(repr(value)) if isinstance(value, float) else value for name, value in asset.items()}
