"""``triplane sessions`` and ``verify`` with what others have put into the data folder."""

import json
import os
import struct
import zlib
from pathlib import Path

from typer.testing import CliRunner

from triplane.cli.main import make_app


def test_a_foreign_journal_is_one_line_and_hides_nothing(tmp_path: Path) -> None:
    for name, text in (("empty", b"{}"), ("deep", b"[" * 200_000)):
        folder = tmp_path / "sessions" / name
        folder.mkdir(parents=True)
        head = struct.pack("<16sIII4x", b"TRIPLANE-JOURNAL", 1, len(text), zlib.crc32(text))
        (folder / "journal.tpj").write_bytes(head + text)
    (tmp_path / "sessions" / "pipe").mkdir()
    os.mkfifo(tmp_path / "sessions" / "pipe" / "journal.tpj")
    run = CliRunner().invoke(make_app(), ["sessions", "--data-dir", str(tmp_path), "--json"])
    assert run.exit_code == 0, run.output
    found = json.loads(run.stdout)
    assert [one["session"] for one in found] == ["pipe", "empty", "deep"]
    assert all(one["status"].startswith("unreadable: The journal ") for one in found)
    for name in ("empty", "deep", "pipe"):
        run = CliRunner().invoke(make_app(), ["verify", name, "--data-dir", str(tmp_path)])
        assert run.exit_code in (1, 2)
        assert run.exception is None or isinstance(run.exception, SystemExit)
