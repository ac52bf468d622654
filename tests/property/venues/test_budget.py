"""Whatever is asked when, and whatever others use: the limits of the venue hold, and exits have their reserve."""

from hypothesis import given
from hypothesis import strategies as st

from triplane.venues.budget import Budget, Window
from triplane.venues.errors import Refused, Why

LIMIT, RESERVE = 300, 100
STEPS = st.lists(
    st.tuples(
        st.integers(0, 4000),  # ms later
        st.integers(0, 30),  # weight
        st.booleans(),  # urgent
        st.integers(0, 20),  # what others have used since
        st.sampled_from([None] * 6 + [Why.RATE, Why.BANNED]),
    ),
    max_size=200,
)


def spent(budget, weight, now, urgent):
    """The refusal, None when it may be sent."""
    try:
        budget.spend(weight, now, urgent=urgent)
    except Refused as error:
        return error
    return None


@given(STEPS)
def test_limits_and_reserve(steps):
    budget = Budget(Window(60_000, LIMIT, RESERVE, "used"), ())
    now = known = minute = quiet = 0
    for later, weight, urgent, others, verdict in steps:
        now += later
        if now // 60_000 > minute:
            minute, known = now // 60_000, 0
        fits = known + weight <= (LIMIT if urgent else LIMIT - RESERVE)
        refusal = spent(budget, weight, now, urgent)
        assert (refusal is None) is (fits and now >= quiet)
        if refusal is not None:
            assert refusal.retry_at == (quiet if now < quiet else (minute + 1) * 60_000)
            continue
        known += weight + others
        error = Refused("", "-1003", verdict, now + 7000) if verdict else None
        quiet = error.retry_at if error else quiet
        budget.on_answer({"used": str(known)}, error, now, now)
