"""The counting that the bounds rest on."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[3] / "scripts"))

import size

PYTHON = '''"""Why this
module exists."""

import os  # this line holds code

# this one does not
LIMIT = 3
"""What the number means."""


def join(parts: list[str]) -> str:
    """Short."""
    text = """kept,

    since it is a value"""
    return os.sep.join(

        [*parts, text]
    )
'''

PAGE = """/* A comment
   of two lines. */
import { a } from "b"; // trailing

const url = "https://example.com"; /* also */ const b = 1;
const text = 'a // b /* c';
// alone
const view = (
  <p>
    {/* nothing here */}
  </p>
);
"""


def test_python_lines_are_those_that_hold_code():
    assert size.python_lines(PYTHON) == 2 + 1 + 3 + 3


def test_page_lines_are_those_that_hold_code():
    assert size.page_lines(PAGE) == 3 + 4


def test_functions_have_the_lines_a_reader_scrolls():
    assert list(size.functions(PYTHON)) == [("join", 9)]


def test_a_file_or_function_past_its_bound_is_told(tmp_path, monkeypatch):
    monkeypatch.setattr(size, "ROOT", tmp_path)
    (tmp_path / "inner").mkdir()
    (tmp_path / "inner" / "long.py").write_text("def f():\n" + "    print()\n" * 60 + "\n" * 440)
    (tmp_path / "short.py").write_text("def f():\n" + "    print()\n" * 59)
    found = size.count(tmp_path.rglob("*.py"), tmp_path)
    assert dict(found.folders) == {"inner": 61, ".": 60}
    assert found.long_files == [("inner/long.py", 501)]
    assert found.long_functions == [("inner/long.py: f", 61)]
