"""Logs go to standard error, a line each, for people; standard output stays the result."""

import logging
import sys

import structlog

from triplane.venues.keys import redact_event


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
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=False,
    )
