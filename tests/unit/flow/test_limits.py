"""What a process takes, where the operating system says it differently."""

from pathlib import Path
from typing import Any

import pytest

from triplane.flow.limits import memory_mb


def test_memory_where_there_is_no_proc(monkeypatch: pytest.MonkeyPatch) -> None:
    def no_proc(*_: Any) -> str:
        raise FileNotFoundError

    now = memory_mb()
    monkeypatch.setattr(Path, "read_text", no_proc)
    assert memory_mb() >= 0.9 * now > 10
