"""Keys come from the environment, and never get out again."""

import logging
import traceback

import pytest
import structlog
import structlog.testing

from triplane.errors import BadInput
from triplane.venues.client import lost
from triplane.venues.errors import Unknown
from triplane.venues.keys import Credentials, credentials, hide, protect_logs, redact, redact_event, without_keys

GOOD = {"BINANCE_TESTNET_API_KEY": "Zk39dkfjGHd83hfnv", "BINANCE_TESTNET_API_SECRET": "pl94jfhRTbv02jnfm"}


def fail(text):
    raise ValueError(text)


def test_keys_of_the_environment():
    found = credentials("BINANCE_TESTNET", GOOD)
    assert (found.key, found.secret) == tuple(GOOD.values())
    for text in (repr(found), str(found), f"{found!r}"):
        assert not [value for value in GOOD.values() if value in text]


@pytest.mark.parametrize("name", list(GOOD))
@pytest.mark.parametrize(
    "value",
    [
        "", "  ", "your_api_key_here", "YOUR-SECRET-HERE", "your_binance_testnet_key", "put_it_here", "placeholder",
        "PLACEHOLDER_KEY", "xxx", "XXXXXXXX", "changeme", "change_me", "<key>", "***", "...", "todo", "none", "null",
        "key", "secret", "api_key", "test", "example-key", "two words", "schlüssel",
    ],
)  # fmt: skip
def test_placeholders_are_refused_by_name(name, value):
    with pytest.raises(BadInput, match=f"{name} .*"):
        credentials("BINANCE_TESTNET", GOOD | {name: value})


def test_a_missing_variable_is_named():
    with pytest.raises(BadInput, match="MEXC_API_KEY"):
        credentials("MEXC", GOOD)


def test_an_environment_without_keys():
    kept = {"PATH": "/bin", "HOME": "/root", "NUMBA_CACHE_DIR": "x", "TRIPLANE_STRATEGIES": "y", "KEYBOARD": "z"}
    others = {"MEXC_API_KEY": "a", "mexc_api_secret": "b", "TRIPLANE_ROUTER_TOKEN": "c", "X_APIKEY": "d",
              "OKX_API_PASSPHRASE": "e"}  # fmt: skip
    given = kept | GOOD | others
    assert without_keys(given) == kept
    assert len(given) == 12


def test_a_secret_that_begins_like_another_leaves_nothing():
    hide("prefix-of-both")
    hide("prefix-of-both-and-more")
    assert redact("a prefix-of-both-and-more b prefix-of-both") == "a … b …"


def test_texts_without_secrets():
    Credentials("planted-key-1", "planted-secret-1")
    listen = hide("pqia91ma19a5s61cv6a81va65sdf19v8a65a1")
    text = f"GET https://x/fapi?a=1&signature=ab12cd&x=2 planted-key-1 'planted-secret-1' wss://x/ws/{listen}?listenKey=fresh"
    assert redact(text) == "GET https://x/fapi?a=1&signature=…&x=2 … '…' wss://x/ws/…?listenKey=…"
    assert redact("{'X-MBX-APIKEY': 'unknownkey99', 'secret': 'word'}") == "{'X-MBX-APIKEY': '…', 'secret': '…'}"
    assert redact("the market of BTCUSDT is open") == "the market of BTCUSDT is open"


def test_every_record_of_logging_is_clean(caplog):
    protect_logs()
    protect_logs()
    caplog.set_level(logging.DEBUG)
    keys = Credentials("planted-key-2", "planted-secret-2")
    log = logging.getLogger("some.library")
    log.debug("%s %s", "GET", {"key": keys.key})
    log.info("%d", keys.secret)  # arguments that do not fit are left out
    try:
        fail(f"cannot connect with {keys.secret}")
    except ValueError:
        log.exception("it failed with %s", keys.key)
    shown = [logging.Formatter().format(record) for record in caplog.records]
    assert len(shown) == 3
    assert "GET" in shown[0]
    assert "ValueError: cannot connect with …" in shown[2]
    assert not [text for text in shown if "planted" in text]


def test_structlog_is_clean():
    keys = Credentials("planted-key-3", "planted-secret-3")
    written = structlog.testing.CapturingLogger()
    logger = structlog.wrap_logger(written, processors=[structlog.processors.format_exc_info, redact_event])
    try:
        fail(keys.secret)
    except ValueError:
        logger.error("it failed", key=keys.key, deep={"secret": [keys.secret]}, number=3, exc_info=True)
    (call,) = written.calls
    assert call.kwargs["number"] == 3
    assert "planted" not in str(call.kwargs)
    assert "Traceback" in call.kwargs["exception"]


def test_a_traceback_of_a_request_shows_no_address():
    try:
        try:
            fail("https://x?signature=abc")
        except ValueError as error:
            raise lost(error, changing=True) from None
    except Unknown:
        text = traceback.format_exc()
    assert "ValueError" in text
    assert "signature" not in text
