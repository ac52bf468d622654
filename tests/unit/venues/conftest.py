"""What holds for all tests of the venues."""

import logging

import pytest


@pytest.fixture(autouse=True)
def own_logging():
    """What a test does to logging ends with it."""
    factory = logging.getLogRecordFactory()
    yield
    logging.setLogRecordFactory(factory)
