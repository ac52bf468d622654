"""A router with a fake venue, which lies beside the unit tests; served over HTTP when that is wanted."""

import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE), str(HERE.parents[1] / "unit" / "execution")]
pytest.register_assert_rewrite("fakes")


@pytest.fixture
def venue():
    from fakes import FakeVenue

    return FakeVenue()


@pytest.fixture
async def inside(venue, tmp_path):
    """The router itself."""
    from triplane.execution.router import Router

    router = Router(venue, tmp_path)
    await router.open()
    yield router
    await router.close()


@pytest.fixture
async def address(inside):
    """Where it is served."""
    from served import served

    async with served(inside) as url:
        yield url
