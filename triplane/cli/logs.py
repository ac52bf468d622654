"""Logs go to standard error, a line each, for people; standard output stays the result."""

import logging
import sys
from typing import TextIO, cast

import structlog

from triplane.venues.keys import redact_event


class _StandardError:
    """Today's standard error, whatever it was when the logs were set up."""

    @staticmethod
    def write(text: str) -> int:
        """Write a piece of a line."""
        return sys.stderr.write(text)

    @staticmethod
    def flush() -> None:
        """Let it be seen."""
        sys.stderr.flush()


def configure_logs(level: int = logging.WARNING) -> None:
    """Set up structlog for the command line."""
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="%H:%M:%S"),
            structlog.processors.format_exc_info,
            redact_event,
            structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty()),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.PrintLoggerFactory(cast("TextIO", _StandardError())),
        cache_logger_on_first_use=False,
    )
