"""Signed requests: within the budget, with typed errors, and sent twice only when the time stamp was refused."""

import pytest

from triplane.data.clock import ManualClock
from triplane.venues.budget import Budget, Window
from triplane.venues.client import HttpAnswer
from triplane.venues.errors import Refused, Unknown, Why
from triplane.venues.rest import SignedRest
from triplane.venues.wire import HttpRequest

PLACE = HttpRequest("POST", "/v1/order", {"a": "1"})
READ = HttpRequest("GET", "/v1/order")


class Client:
    """Answers from a list, and keeps what was sent."""

    def __init__(self, *answers):
        self.answers, self.sent, self.opened = list(answers), [], 0

    async def open(self):
        self.opened += 1

    async def close(self):
        self.opened -= 1

    async def send(self, interface, method, path, params, *, changing):
        self.sent.append((interface, method, path, params, changing))
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return HttpAnswer(200, answer, {})


class Rest(SignedRest):
    """A venue whose answers are numbers, or texts that are codes."""

    clock_code = "clock"

    def __init__(self, *answers, budget=None):
        self._client = Client(*answers)
        super().__init__(ManualClock(1_000_000, auto=False), budget or Budget())

    async def server_time(self):
        return 1_000_500

    def address(self, path):
        return "private", path.removeprefix("/v1/")

    def failure(self, answer, *, changing, now):
        return Refused("no", answer.body, Why.OTHER) if isinstance(answer.body, str) else None

    def content(self, body):
        return body * 10


async def test_an_answer_and_how_it_was_asked_for():
    rest = Rest(7)
    assert await rest.ask(PLACE) == 70
    assert rest._client.sent == [("private", "POST", "order", {"a": "1"}, True)]


async def test_opening_measures_the_clock():
    rest = Rest()
    await rest.open()
    assert rest.clock.now_ms() == 1_000_500
    await rest.close()
    assert rest._client.opened == 0


async def test_a_refused_time_stamp_is_sent_once_more_after_a_measurement():
    rest = Rest("clock", 7)
    assert await rest.ask(PLACE) == 70
    assert len(rest._client.sent) == 2
    assert rest.clock.now_ms() == 1_000_500
    rest = Rest("clock", "clock", 7)
    with pytest.raises(Refused, match="no"):
        await rest.ask(PLACE)
    assert len(rest._client.sent) == 2


async def test_without_a_measurement_it_is_not_sent_again(monkeypatch):
    rest = Rest("clock", 7)

    async def down(*, before):
        raise Refused("down", why=Why.DOWN)

    monkeypatch.setattr(rest.clock, "sync", down)
    with pytest.raises(Refused) as error:
        await rest.ask(PLACE)
    assert error.value.code == "clock"
    assert len(rest._client.sent) == 1


@pytest.mark.parametrize(("answer", "kind"), [("-1", Refused), (Unknown("lost"), Unknown)])
async def test_no_other_error_is_tried_again(answer, kind):
    rest = Rest(answer, 7)
    with pytest.raises(kind):
        await rest.ask(PLACE)
    assert len(rest._client.sent) == 1


async def test_nothing_is_sent_beyond_the_budget():
    rest = Rest(1, 2, 3, budget=Budget(Window(60_000, 3, 1, ""), (Window(60_000, 10, 0, ""),)))
    await rest.ask(READ, weight=2)
    with pytest.raises(Refused) as error:
        await rest.ask(READ)
    assert error.value.why is Why.RATE
    assert len(rest._client.sent) == 1
    assert await rest.ask(PLACE, urgent=True) == 20  # the reserve


async def test_orders_count_apart():
    rest = Rest(1, 2, 3, budget=Budget(Window(60_000, 100, 0, ""), (Window(60_000, 1, 0, ""),)))
    await rest.ask(PLACE, order=True)
    with pytest.raises(Refused):
        await rest.ask(PLACE, order=True)
    await rest.ask(READ)
