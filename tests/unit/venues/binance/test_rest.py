"""Requests to Binance: addresses by ccxt's names, and what a key may."""

import pytest

from triplane.data.clock import ManualClock
from triplane.errors import BadInput
from triplane.venues.adapter import Urls
from triplane.venues.binance.rest import BinanceRest
from triplane.venues.budget import Budget
from triplane.venues.client import HttpAnswer
from triplane.venues.errors import NotFound, Refused, Unknown, Why
from triplane.venues.keys import Credentials
from triplane.venues.wire import HttpRequest

URLS = Urls("https://futures", "wss://stream", "https://wallet")


@pytest.fixture
def rest():
    return BinanceRest("binanceusdm", "/fapi/v1", Credentials("k", "s"), URLS, ManualClock(0), Budget(), 10.0)


@pytest.mark.parametrize(
    ("path", "interface", "name"),
    [
        ("/fapi/v1/order", "fapiPrivate", "order"),
        ("/fapi/v2/positionRisk", "fapiPrivateV2", "positionRisk"),
        ("/fapi/v3/balance", "fapiPrivateV3", "balance"),
        ("/fapi/v1/time", "fapiPublic", "time"),
        ("/api/v3/order", "private", "order"),
        ("/api/v3/ticker/price", "public", "ticker/price"),
        ("/sapi/v1/account/apiRestrictions", "sapi", "account/apiRestrictions"),
    ],
)
def test_addresses(rest, path, interface, name):
    assert rest.address(path) == (interface, name)


def test_the_wallet_has_an_address_of_its_own(rest):
    addresses = rest._client._addresses
    assert addresses["sapi"] == "https://wallet/sapi/v1"
    assert addresses["fapiPrivateV3"] == "https://futures/fapi/v3"


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        (200, {"orderId": 1}, None), (400, {"code": -2019, "msg": "x"}, Refused), (504, "", Unknown),
        (400, {"code": -2013, "msg": "x"}, NotFound),
    ],
)  # fmt: skip
def test_failures_are_typed(rest, status, body, kind):
    error = rest.failure(HttpAnswer(status, body, {}), changing=True, now=0)
    assert error is None if kind is None else type(error) is kind


async def test_keys(spot_box, venue):
    await venue.check_keys()
    spot_box.key, spot_box.secret = "thief", "t"
    with pytest.raises(BadInput, match="withdraw"):
        await venue.check_keys()
    spot_box.key = "nobody"
    with pytest.raises(BadInput, match="does not accept"):
        await venue.check_keys()


@pytest.mark.parametrize(
    ("wallet", "answer", "text"),
    [
        ("w", {"enableFutures": True, "enableWithdrawals": False}, None),
        ("w", {"enableFutures": True, "enableWithdrawals": True}, "may withdraw"),
        ("w", {"enableFutures": False}, "may not trade futures"),
        ("", {"canTrade": True}, None),
        ("", {"canTrade": False}, "may not trade futures"),
        ("", Refused("wrong", "-2015", Why.KEYS), "does not accept"),
    ],
)
async def test_what_a_key_may(rest, wallet, answer, text):
    asked = []

    async def ask(request, *, weight=1):
        asked.append(request.path)
        if isinstance(answer, Exception):
            raise answer
        return answer

    rest.ask, rest.urls = ask, Urls("r", "s", wallet)
    check = rest.check_keys("enableFutures", "futures", HttpRequest("GET", "/fapi/v3/account"), 5)
    if text is None:
        await check
    else:
        with pytest.raises(BadInput, match=text):
            await check
    assert asked == ["/sapi/v1/account/apiRestrictions" if wallet else "/fapi/v3/account"]


async def test_a_venue_that_is_down_says_nothing_about_the_key(rest):
    async def ask(request, *, weight=1):
        raise Refused("down", why=Why.DOWN)

    rest.ask = ask
    with pytest.raises(Refused):
        await rest.check_keys("enableFutures", "futures", HttpRequest("GET", "/fapi/v3/account"), 5)
