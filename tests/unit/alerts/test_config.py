"""The settings of a target, and that its address is never shown."""

import logging

import pytest
from pydantic import ValidationError

from triplane.alerts.alert import Alert
from triplane.alerts.config import AlertTarget, shown
from triplane.errors import BadInput
from triplane.problems import dotted, sentence
from triplane.venues.keys import protect_logs, redact

TOKEN = "Zk9QpL2mT4wX7vB1nC8r"
URL = f"discord://1122334455/{TOKEN}"


def test_an_address_alone_will_do() -> None:
    target = AlertTarget.model_validate(URL)

    assert (target.address({}), target.severity, target.kinds, target.per_minute) == (URL, "info", [], 20)


def test_an_address_from_the_environment() -> None:
    target = AlertTarget.model_validate({"url": "env:TRIPLANE_ALERT_DISCORD", "name": "mine"})

    assert target.address({"TRIPLANE_ALERT_DISCORD": f" {URL} "}) == URL
    assert AlertTarget.model_validate(target.plain({"TRIPLANE_ALERT_DISCORD": URL})).address({}) == URL
    with pytest.raises(BadInput, match="TRIPLANE_ALERT_DISCORD is not set"):
        target.address({})
    with pytest.raises(BadInput, match="TRIPLANE_ALERT_DISCORD still holds a placeholder"):
        target.address({"TRIPLANE_ALERT_DISCORD": "your_webhook_here"})


@pytest.mark.parametrize(
    "url",
    [
        "discord://your_webhook_id_here/your_token_here",
        "discord://id/token",
        "https://discord.com/api/webhooks/xxx/yyyyyyy",
        "tgram://%7Bbot_token%7D/123",
        "mailto://me:change-me@example.org",
        "json://host/hook?key=<secret>",
        "placeholder",
    ],
)
def test_placeholders_are_refused(url: str) -> None:
    with pytest.raises(BadInput, match="The url of alert target mine still holds a placeholder"):
        AlertTarget.model_validate({"url": url, "name": "mine"}).address({})


@pytest.mark.parametrize("url", ["", "discord", "discord:12/34", "://1/2", "discord://1 2/3"])
def test_what_is_no_address(url: str) -> None:
    with pytest.raises(BadInput, match="must be an address"):
        AlertTarget.model_validate(url).address({})


@pytest.mark.parametrize("url", ["json://localhost/hook?key=abc&token=12", "mailto://a:b@gmail.com?to=c@d.e"])
def test_what_only_looks_like_a_placeholder(url: str) -> None:
    assert AlertTarget.model_validate(url).address({}) == url


def test_no_setting_that_holds_a_token_is_shown() -> None:
    target = AlertTarget.model_validate({"url": URL})

    assert TOKEN not in repr(target)
    assert TOKEN not in target.model_dump_json()
    assert TOKEN not in str(target.model_dump())


@pytest.mark.parametrize(
    ("settings", "field"),
    [
        ({"url": URL, "severity": "loud"}, "severity"),
        ({"url": URL, "kinds": ["open"]}, "kinds"),
        ({"url": URL, "per_minute": 0}, "per_minute"),
        ({"urls": URL}, "url"),
        ({"url": URL, "adress": URL}, "adress"),
    ],
)
def test_no_error_shows_a_token(settings: dict[str, object], field: str) -> None:
    with pytest.raises(ValidationError) as caught:
        AlertTarget.model_validate(settings)

    (problem,) = caught.value.errors()[:1]
    text = sentence(problem, AlertTarget, dotted(problem["loc"]))
    assert TOKEN not in text
    assert field in text
    assert TOKEN not in str(caught.value)


def test_no_log_shows_a_token(caplog: pytest.LogCaptureFixture) -> None:
    AlertTarget.model_validate("json://user:hunter22@127.0.0.1/hooks/T0ken0fMine?+X-Auth=" + TOKEN).address({})
    protect_logs()
    logging.getLogger("urllib3").warning("POST /hooks/T0ken0fMine %s failed for user:hunter22", TOKEN)

    assert caplog.messages == ["POST /hooks/… … failed for user:…"]
    assert redact("the hooks of 127.0.0.1") == "the hooks of 127.0.0.1"


@pytest.mark.parametrize(
    ("url", "text"),
    [
        (URL, "discord://…"),
        ("tgram://123:abc/1", "tgram://…"),
        ("https://hooks.example.org:8443/secret", "https://hooks.example.org:8443/…"),
        ("mailto://me:secret@gmail.com?to=you@example.org", "mailto://gmail.com/…"),
        ("jsons://host?x=1", "jsons://host/…"),
    ],
)
def test_an_address_without_its_secrets(url: str, text: str) -> None:
    assert shown(url) == text


@pytest.mark.parametrize(
    ("url", "name"),
    [
        (URL, "discord"),
        (f"https://discord.com/api/webhooks/1122334455/{TOKEN}", "discord"),
        (f"https://ptb.discordapp.com/api/webhooks/1122334455/{TOKEN}", "discord"),
        ("https://hooks.slack.com/services/T1A2/B3C4/D5E6", "slack"),
        ("https://127.0.0.1/hook", "https"),
        ("jsons://example.org/hook", "jsons"),
    ],
)
def test_a_target_is_called_by_its_service(url: str, name: str) -> None:
    assert AlertTarget.model_validate(url).called({}) == name
    assert AlertTarget.model_validate({"url": url, "name": "mine"}).called({}) == "mine"


@pytest.mark.parametrize(
    ("settings", "wanted"),
    [
        ({}, {"opened", "halted", "quiet"}),
        ({"severity": "debug"}, {"opened", "halted", "quiet", "fill"}),
        ({"severity": "critical"}, {"halted"}),
        ({"kinds": ["opened", "fill"]}, {"opened"}),
        ({"symbols": ["ETHUSDT"]}, {"halted"}),
        ({"symbols": ["BTCUSDT"]}, {"opened", "halted", "quiet"}),
    ],
)
def test_what_a_target_wants(settings: dict[str, object], wanted: set[str]) -> None:
    target = AlertTarget.model_validate({"url": URL, **settings})
    alerts = [
        Alert(kind="opened", severity="info", title="opened", symbol="BTCUSDT"),
        Alert(kind="closed", severity="warning", title="quiet", symbol="BTCUSDT"),
        Alert(kind="fill", severity="debug", title="fill", symbol="BTCUSDT"),
        Alert(kind="halted", severity="critical", title="halted"),
    ]

    assert {alert.title for alert in alerts if target.wants(alert)} == wanted
