"""The chart: one file that needs nothing else and holds what was analysed."""

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import triplane
from triplane.data.generator import generate
from triplane.errors import BadInput


@pytest.fixture(scope="module")
def analysis() -> triplane.Analysis:
    return triplane.analyze(generate(seed=3, start_ms=1_735_689_600_000, n=600))


def data_of(page: str) -> dict[str, Any]:
    found = re.search(r'<script type="application/json" id="data">(.*?)</script>', page, re.DOTALL)
    assert found
    data: dict[str, Any] = json.loads(found[1])
    return data


def test_the_file_holds_candles_and_patterns(analysis: triplane.Analysis, tmp_path: Path) -> None:
    path = triplane.plot(analysis, tmp_path / "chart.html")
    data = data_of(path.read_text())
    assert data["close"] == analysis.columns("candles")["close"].tolist()
    assert data["first"] == 0
    for name in ("swings", "structure", "order_blocks", "fvgs", "liquidity"):
        assert len(data[name]) == len(next(iter(analysis.columns(name).values()))) > 0
    block = data["order_blocks"][0]
    assert block["price_lo"] == analysis.columns("order_blocks")["price_lo"][0]
    assert block["kind"] in ("displacement", "structure")


def test_it_needs_no_network(analysis: triplane.Analysis, tmp_path: Path) -> None:
    page = triplane.plot(analysis, tmp_path / "chart.html").read_text()
    assert "default-src 'none'" in page
    assert not re.search(r"https?:|//cdn|\bimport\b|\bfetch\(|src=\"|XMLHttpRequest", page)
    assert "@" not in re.sub(r"@media|@keyframes", "", page)


def test_only_the_newest_bars_and_what_reaches_into_them(analysis: triplane.Analysis, tmp_path: Path) -> None:
    path = triplane.plot(analysis, tmp_path / "chart.html", bars=50)
    data = data_of(path.read_text())
    assert (data["first"], len(data["time"])) == (550, 50)
    assert "50 of 600 bars" in path.read_text()
    for name in ("order_blocks", "breakers", "fvgs"):
        ends = analysis.columns(name)["invalid_at"]
        assert len(data[name]) == np.count_nonzero((ends < 0) | (ends >= 550))


def test_a_view_of_an_earlier_bar_is_drawn_as_it_was(analysis: triplane.Analysis, tmp_path: Path) -> None:
    data = data_of(triplane.plot(analysis.at(200), tmp_path / "then.html").read_text())
    assert len(data["time"]) == 201
    assert max(zone["confirmed_at"] for zone in data["order_blocks"]) <= 200


def test_a_title_is_text_and_nothing_else(analysis: triplane.Analysis, tmp_path: Path) -> None:
    title = "<script>alert(1)</script> @DATA@ & co"
    page = triplane.plot(analysis, tmp_path / "chart.html", title=title).read_text()
    assert "<script>alert" not in page
    assert "<h1>&lt;script&gt;alert(1)&lt;/script&gt; @DATA@ &amp; co</h1>" in page


def test_without_a_path_it_is_a_new_file(
    analysis: triplane.Analysis, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    paths = {triplane.plot(analysis), triplane.plot(analysis)}
    assert len(paths) == 2
    assert all(path.parent == tmp_path and path.stat().st_size > 10_000 for path in paths)


def test_what_cannot_be_drawn_is_said(analysis: triplane.Analysis, tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="bars is 0"):
        triplane.plot(analysis, bars=0)
    with pytest.raises(BadInput, match="cannot be written there"):
        triplane.plot(analysis, tmp_path)
