"""How an alert reads."""

import pytest

from triplane.alerts.alert import COUNTED, Alert, Kind, count, exact, signed


@pytest.mark.parametrize(
    ("value", "text"),
    [("64000.50", "64,000.5"), ("0.00000100", "0.000001"), (0.1, "0.1"), (None, "–"), ("1E+3", "1,000")],
)  # fmt: skip
def test_every_digit_and_no_more(value: str | float | None, text: str) -> None:
    assert exact(value) == text


@pytest.mark.parametrize(("value", "text"), [("12.50", "+12.5"), ("-3", "-3"), ("0.00", "0")])
def test_a_result_has_its_sign(value: str, text: str) -> None:
    assert signed(value) == text


def test_counts_name_one_and_several() -> None:
    assert count({"rejected": 1, "fill": 9, "closed": 2}) == "9 fills, 2 positions closed, 1 reject"
    assert set(COUNTED) == set(Kind.__args__)


def test_repeats_say_the_same() -> None:
    alert = Alert(kind="risk", severity="info", title="x", session_id="s")

    assert alert.same == Alert(kind="risk", severity="debug", title="x", session_id="s", time=9).same
    assert alert.same != Alert(kind="risk", severity="info", title="x", session_id="t").same
    assert alert.same != Alert(kind="risk", severity="info", title="x", session_id="s", key="other").same


def test_the_body_is_everything_but_the_title() -> None:
    alert = Alert(kind="closed", severity="info", title="t", text="So.", fields=(("P&L", "+1"),), where="PAPER")

    assert alert.body == "So.\nP&L: +1\nPAPER"
