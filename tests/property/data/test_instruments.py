"""Whatever the grid, steps become exact decimals and come back, and nothing is written with an exponent."""

from decimal import ROUND_DOWN, Decimal

from hypothesis import given
from hypothesis import strategies as st

from triplane.data.instruments import Instrument, plain

sizes = st.builds(lambda digits, places: Decimal(digits).scaleb(-places), st.integers(1, 9999), st.integers(-3, 11))
steps = st.integers(0, 10**15)


@given(sizes, sizes, steps)
def test_steps_survive_the_way_to_text_and_back(tick: Decimal, lot: Decimal, number: int) -> None:
    rules = Instrument("X", tick, lot)
    for text, back in (
        (plain(rules.price(number)), rules.ticks),
        (plain(rules.quantity(number)), rules.lots),
    ):
        assert "E" not in text.upper()
        assert back(text) == number
    assert rules.price(number) % tick == 0


@given(sizes, st.decimals(0, 10**9, allow_nan=False, places=10))
def test_rounding_down_never_gives_more(lot: Decimal, quantity: Decimal) -> None:
    rules = Instrument("X", Decimal("0.1"), lot)
    lots = rules.lots(quantity, ROUND_DOWN)
    assert rules.quantity(lots) <= quantity < rules.quantity(lots + 1)


@given(sizes, sizes)
def test_json_round_trip(tick: Decimal, lot: Decimal) -> None:
    rules = Instrument("X", tick, lot)
    assert Instrument.from_dict(rules.to_dict()) == rules
