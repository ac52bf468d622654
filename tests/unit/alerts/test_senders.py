"""What is sent to Discord, and who sends what."""

from pathlib import Path

import pytest

from triplane.alerts.alert import Alert
from triplane.alerts.samples import samples
from triplane.alerts.senders import GROUP, ByApprise, Discord, make_sender, message
from triplane.errors import BadInput

TRADE = next(alert for alert in samples() if alert.kind == "closed")


def test_the_embed_of_a_closed_position() -> None:
    alert = Alert(
        kind="closed", severity="info", title="BTCUSDT long closed: +362.05 USDT", tone="good", fields=TRADE.fields,
        where="PAPER · ict_blocks", time=1_700_000_000_123,
    )  # fmt: skip

    assert message(alert) == {
        "username": "Triplane",
        "allowed_mentions": {"parse": []},
        "embeds": [
            {
                "title": "BTCUSDT long closed: +362.05 USDT",
                "color": 0x2ECC71,
                "fields": [
                    {"name": "Symbol", "value": "BTCUSDT", "inline": True},
                    {"name": "Side", "value": "LONG", "inline": True},
                    {"name": "Entry", "value": "64,000.5", "inline": True},
                    {"name": "Exit", "value": "65,500.5", "inline": True},
                    {"name": "Size", "value": "0.25", "inline": True},
                    {"name": "Stop", "value": "63,500", "inline": True},
                    {"name": "P&L", "value": "+362.05 USDT", "inline": True},
                    {"name": "R", "value": "+2.90", "inline": True},
                    {"name": "Reason", "value": "target reached", "inline": True},
                ],
                "footer": {"text": "PAPER · ict_blocks"},
                "timestamp": "2023-11-14T22:13:20.123000+00:00",
            }
        ],
    }


def test_the_colour_says_how_it_went() -> None:
    colours = {alert.title: message(alert)["embeds"][0]["color"] for alert in samples()}
    green, red, grey, yellow = 0x2ECC71, 0xE74C3C, 0x95A5A6, 0xF1C40F

    assert colours == {
        "BTCUSDT long opened": grey,
        "BTCUSDT long closed: +362.05 USDT": green,
        "BTCUSDT long closed: -131.60 USDT": red,
        "Bought 0.25 BTCUSDT at 64,000.5.": grey,
        "BTCUSDT: a buy signal waits for you": yellow,
        "The stop order of BTCUSDT was rejected": yellow,
        "BTCUSDT: an entry was refused": grey,
        "BTCUSDT: foreign fill": yellow,
        "Trading of BTCUSDT is halted": red,
        "The kill switch is on": red,
        "An error in the session of BTCUSDT": red,
        "No market data for BTCUSDT": red,
        "The engine is silent": red,
        "The engine is back": green,
        "A session is running": grey,
    }


def test_an_embed_stays_within_the_limits_of_discord() -> None:
    long = "x" * 5000
    (embed,) = message(
        Alert(
            kind="error", severity="info", title=long, text=long, fields=((long, long), ("empty", "")) * 20, where=long
        )
    )["embeds"]

    assert (len(embed["title"]), len(embed["description"])) == (256, 1024)
    assert embed["title"].endswith("x…")
    assert all(0 < len(field["name"]) <= 256 and 0 < len(field["value"]) <= 1024 for field in embed["fields"])
    assert not embed["fields"][0]["inline"]
    size = len(embed["title"]) + len(embed["description"]) + len(embed["footer"]["text"])
    assert size + sum(len(field["name"]) + len(field["value"]) for field in embed["fields"]) <= 6000


def test_a_plain_alert_has_no_empty_parts() -> None:
    alert = Alert(kind="session", severity="info", title="Hello")

    assert set(message(alert)["embeds"][0]) == {"title", "color", "fields", "timestamp"}
    assert alert.body == ""


def test_plain_text_has_everything_too() -> None:
    alert = next(one for one in samples() if one.kind == "risk")
    signal = next(one for one in samples() if one.kind == "signal")

    assert alert.body == "BTCUSDT: no entry, 4 positions are open, and 3 are allowed.\nTEST · this is only a test"
    assert signal.body.startswith("Buy 0.25 BTCUSDT at about 64,000.5, stop 63,500, targets 65,000, 66,000.")
    assert all(
        one.text or one.fields for one in samples() if one.severity in ("warning", "critical") and one.tone != "good"
    )


@pytest.mark.parametrize(
    ("url", "posts_to"),
    [
        ("discord://12/To-k_en", "https://discord.com/api/webhooks/12/To-k_en"),
        ("discord://Bot@12/To-k_en/?footer=yes", "https://discord.com/api/webhooks/12/To-k_en"),
        ("https://discord.com/api/webhooks/12/To-k_en", "https://discord.com/api/webhooks/12/To-k_en"),
        ("https://canary.discord.com/api/v10/webhooks/12/To-k_en", "https://discord.com/api/webhooks/12/To-k_en"),
        ("https://discordapp.com/api/webhooks/12/a?x=1&thread_id=77",
         "https://discord.com/api/webhooks/12/a?thread_id=77"),
        ("discord://12/a?thread=77&x=1", "https://discord.com/api/webhooks/12/a?thread_id=77"),
    ],
)  # fmt: skip
def test_a_discord_webhook_in_all_its_forms(url: str, posts_to: str) -> None:
    sender = make_sender(url)

    assert isinstance(sender, Discord)
    assert sender._url == posts_to


@pytest.mark.parametrize(
    "url",
    [
        "json://localhost/hook",
        "tgram://123456789:AABBCCDDEEFFGGHHIIJJKKLLMMNNOOPPQQ/987654",
        "mailto://me:password@gmail.com",
        "line://T0kenT0kenT0ken/Uabcdef",
        "pagerduty://IntegrationKey0@RoutingKey00000",
    ],
)
def test_other_services_are_for_apprise(url: str) -> None:
    assert isinstance(make_sender(url), ByApprise)


def test_an_address_that_nobody_knows() -> None:
    with pytest.raises(BadInput, match="not the address of a service"):
        make_sender("nobody://knows")


async def test_a_package_offers_further_services(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package = tmp_path / "pager-1.0.dist-info"
    package.mkdir()
    (package / "METADATA").write_text("Name: pager\nVersion: 1.0\n")
    (package / "entry_points.txt").write_text(f"[{GROUP}]\nbeeper = pager_service:Beeper\n")
    (tmp_path / "pager_service.py").write_text(
        "from triplane.alerts.senders import Sender\n"
        "class Beeper(Sender):\n"
        "    def __init__(self, url): self.url = url\n"
        "    async def send(self, alert): return f'beep {self.url} {alert.title}'\n"
    )
    monkeypatch.syspath_prepend(tmp_path)

    sender = make_sender("beeper://7")
    assert await sender.send(Alert(kind="error", severity="info", title="x")) == "beep beeper://7 x"
    await sender.close()
