"""The alerts as a processor: what their end tells, and that no service holds it up."""

import asyncio
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from triplane.alerts import service
from triplane.alerts.alert import Alert
from triplane.alerts.config import AlertTarget
from triplane.alerts.main import open_targets
from triplane.alerts.memory import Active, Memory
from triplane.alerts.senders import Sender
from triplane.alerts.service import Alerts, open_sender
from triplane.alerts.target import Target
from triplane.errors import TriplaneError
from triplane.flow.bus import EventBus
from triplane.model.facts import Error


class Service(Sender):
    def __init__(self, hangs: bool = False) -> None:
        self.sent: list[Alert] = []
        self.hangs, self.closed = hangs, False

    async def send(self, alert: Alert) -> str:
        if self.hangs:
            await asyncio.Event().wait()
        self.sent.append(alert)
        return "ok"

    async def close(self) -> None:
        self.closed = True


def alerts(tmp_path: Path, *services: Service) -> Alerts:
    memory = Memory(places={"s": "PAPER · demo"})
    memory.active["session s"] = Active(kind="session", severity="info", over="A session has ended", session_id="s")
    settings = AlertTarget.model_validate("json://localhost/x")
    return Alerts([Target(settings, one, "mine") for one in services], memory, tmp_path)


@pytest.mark.parametrize(("orderly", "titles"), [(True, ["Oh.", "A session has ended"]), (False, ["Oh."])])
async def test_only_an_end_that_a_person_wanted_is_told(tmp_path: Path, orderly: bool, titles: list[str]) -> None:
    sender, bus = Service(), EventBus()
    made = alerts(tmp_path, sender)
    await bus.start()
    await made.start(bus)
    bus.publish(Error(session_id="s", seq=5, time=1, code="x", message="Oh."))
    await bus.stop()
    made.orderly = orderly
    await made.stop()

    assert [alert.title for alert in sender.sent] == titles
    assert sender.sent[0].where == "PAPER · demo"
    assert sender.sent[0].time > 1_700_000_000_000
    assert sender.closed
    assert ("session s" in Memory.load(tmp_path, 0).active) != orderly


async def test_a_service_that_hangs_holds_up_neither_the_others_nor_the_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(service, "DRAIN_S", 0.01)
    hangs, works = Service(hangs=True), Service()
    made = alerts(tmp_path, hangs, works)
    await made.start(EventBus())
    await made.on_fact(Error(session_id="s", seq=5, time=1, code="x", message="Oh."))
    await made.stop()

    assert [alert.title for alert in works.sent] == ["Oh.", "A session has ended"]
    assert hangs.closed
    assert hangs.sent == []


def test_a_target_that_cannot_be_used_is_left_out_without_its_secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    def breaks(url: str) -> Sender:
        raise RuntimeError(f"cannot parse {url}")

    targets = [AlertTarget.model_validate(url) for url in ("json://localhost/T0ken0fMine12345", "env:NOT_SET")]
    with capture_logs() as logs:
        assert [target.name for target in open_targets(targets)] == ["json"]
    assert [line["error"].split(";")[0] for line in logs] == ["NOT_SET is not set"]

    monkeypatch.setattr(service, "make_sender", breaks)
    with pytest.raises(TriplaneError, match="Alert target json") as caught:
        open_sender(targets[0])
    assert "T0ken0fMine12345" not in str(caught.value)
