"""The lifecycle of processors."""

import pytest

from triplane.flow.processors import Processor, Processors


class Part(Processor):
    def __init__(self, name: str, said: list[str], fails: str = "") -> None:
        super().__init__(name)
        self.said = said
        self.fails = fails

    async def on_start(self) -> None:
        self.said.append(f"+{self.name}")
        if self.fails == "start":
            raise OSError(self.name)

    async def on_stop(self) -> None:
        self.said.append(f"-{self.name}")
        if self.fails == "stop":
            raise OSError(self.name)


async def test_start_in_order_stop_in_reverse_once_each() -> None:
    said: list[str] = []
    group = Processors().add(Part("a", said), Part("b", said)).add(Part("c", said))
    for _ in range(2):
        await group.start()
    for _ in range(2):
        await group.stop()

    assert said == ["+a", "+b", "+c", "-c", "-b", "-a"]
    await group.start()
    assert said[6:] == ["+a", "+b", "+c"]


@pytest.mark.parametrize("when", ["start", "stop"])
async def test_a_failure_of_one_does_not_stop_the_rest(when: str) -> None:
    said: list[str] = []
    told: list[tuple[str, str]] = []
    group = Processors(lambda part, error: told.append((part.name, str(error))))
    group.add(Part("a", said), Part("b", said, when), Part("c", said))
    await group.start()
    await group.stop()

    assert [word for word in said if "b" not in word] == ["+a", "+c", "-c", "-a"]
    assert said.count("-b") == 1
    assert told == [("b", "b")]
    assert len(group.failures) == 1


async def test_the_default_tells_the_log(caplog: pytest.LogCaptureFixture) -> None:
    group = Processors().add(Part("a", [], "start"))
    await group.start()

    assert [str(error) for _, error in group.failures] == ["a"]
