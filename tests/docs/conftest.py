"""The strategy files that ``docs/writing-a-strategy.md`` shows."""

import re
from pathlib import Path

import pytest

from triplane.strategies.drivers import cache_folder

PAGE = Path(__file__).parents[2] / "docs" / "writing-a-strategy.md"


@pytest.fixture(scope="session")
def strategies() -> Path:
    """A folder with the page's files that stays: what was compiled of a user's file is known by the file's path."""
    folder = cache_folder() / "docs" / "strategies"
    folder.mkdir(parents=True, exist_ok=True)
    for name, code in re.findall(r'```python title="strategies/([^"]+)"\n(.*?)```', PAGE.read_text(), re.DOTALL):
        path = folder / name
        if not path.exists() or path.read_text() != code:
            path.write_text(code)
    return folder
