"""What comes back from a venue: exact numbers, and errors that say whether something may have arrived."""

from decimal import Decimal

import aiohttp
import pytest

from triplane.venues.client import SigningClient, lost, read
from triplane.venues.errors import Refused, Unknown, Why
from triplane.venues.keys import Credentials


def test_numbers_are_exact_and_nonsense_is_text():
    assert read(b'{"p": 0.10, "n": 12345678901234567890}') == {"p": Decimal("0.10"), "n": 12345678901234567890}
    assert str(read(b"[1.10]")[0]) == "1.10"
    assert read(b"<html>\xff") == "<html>\N{REPLACEMENT CHARACTER}"


@pytest.mark.parametrize("changing", [True, False])
@pytest.mark.parametrize(
    ("error", "arrived"),
    [
        (aiohttp.ConnectionTimeoutError(), False),
        (aiohttp.ServerDisconnectedError(), True),
        (aiohttp.ServerTimeoutError(), True),
        (aiohttp.ClientPayloadError("torn"), True),
        (TimeoutError(), True),
        (OSError("signature=abc"), True),
    ],
)
def test_a_connection_that_was_never_made_is_a_refusal(error, arrived, changing):
    found = lost(error, changing=changing)
    assert isinstance(found, Unknown if arrived and changing else Refused)
    assert "signature" not in str(found)
    if isinstance(found, Refused):
        assert found.why is Why.DOWN


async def test_a_closed_client_sends_nothing():
    client = SigningClient("binanceusdm", Credentials("k", "s"), {}, lambda: 0, timeout=1.0)
    with pytest.raises(Refused, match="closed") as error:
        await client.send("fapiPrivate", "POST", "order", {}, changing=True)
    assert error.value.why is Why.DOWN
    await client.close()


async def test_a_request_is_signed_with_the_venues_time_and_sent_as_it_is():
    client = SigningClient(
        "binanceusdm", Credentials("k", "s"), {"fapiPrivate": "https://box/fapi/v1"}, lambda: 1234567,
        timeout=1.0, options={"recvWindow": 5000},
    )  # fmt: skip
    await client.open()
    session, sent = client._session, []
    await client.open()
    assert client._session is session
    client._ccxt.fetch = lambda *request: answer(sent, request)
    await client.send("fapiPrivate", "POST", "order", {"symbol": "BTCUSDT", "newClientOrderId": "a/1"}, changing=True)
    await client.close()
    await client.close()
    ((address, method, headers, body),) = sent
    assert (address, method, headers["X-MBX-APIKEY"]) == ("https://box/fapi/v1/order", "POST", "k")
    assert "timestamp=1234567" in body
    assert "recvWindow=5000" in body
    assert "signature=" in body


async def answer(sent, request):
    sent.append(request)
