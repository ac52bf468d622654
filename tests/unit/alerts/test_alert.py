"""How an alert reads."""

from triplane.alerts.alert import COUNTED, Alert, Kind, count


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
