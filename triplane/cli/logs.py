"""Logs go to standard error, a line each, for people; standard output stays the result.

They leave by :class:`triplane.cli.outlet.Outlet`, so a line of a log neither fails nor blocks, whatever it is given and
wherever it goes. What the libraries beneath log goes the same way.
"""

import logging
import sys
import threading
import traceback
from collections.abc import Callable
from types import TracebackType
from typing import Any, Final

import structlog

from triplane.cli.outlet import STDERR
from triplane.venues.keys import protect_logs, redact, redact_event

LONGEST: Final = 16_384
"""Letters of one line."""


class _Lines:
    """The end of structlog's chain."""

    @staticmethod
    def msg(text: str) -> None:
        """Take a line that is ready."""
        STDERR.write(text[:LONGEST] + "\n")

    debug = info = warning = error = critical = exception = msg


class _Handler(logging.Handler):
    """The same end for the standard library's logging, that of the libraries beneath too."""

    def emit(self, record: logging.LogRecord) -> None:
        """Take a record."""
        try:
            _Lines.msg(self.format(record))
        except Exception:  # noqa: BLE001 - a record that cannot be shown
            STDERR.lost += 1


def _careful(level: int) -> type[Any]:
    """A logger that never raises, whatever it is given."""
    base: type[Any] = structlog.make_filtering_bound_logger(level)

    def careful(name: str) -> Callable[..., None]:
        method = getattr(base, name)

        def log(self: Any, event: str, *args: Any, **fields: Any) -> None:
            try:
                method(self, event, *args, **fields)
            except Exception as error:  # noqa: BLE001 - a value that cannot be shown, for instance
                why = f"what belongs to it cannot be shown: {type(error).__name__}"
                _Lines.msg(f"[{name}] {redact(event)} ({why})")

        return log

    names = ("debug", "info", "warning", "error", "critical", "exception")
    return type("Careful", (base,), {name: careful(name) for name in names})


def _uncaught(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    """Tell what ends the process, or one of its threads, in the same way: it could block on a full pipe too."""
    for line in redact("".join(traceback.format_exception(kind, error, trace))).splitlines():
        _Lines.msg(line)


def configure_logs(level: int = logging.WARNING) -> None:
    """Set up structlog and the standard library's logging for a process; may be called again."""
    STDERR.start()
    protect_logs()
    logging.captureWarnings(True)
    sys.excepthook = _uncaught
    threading.excepthook = lambda args: _uncaught(args.exc_type, args.exc_value or args.exc_type(), args.exc_traceback)
    root = logging.getLogger()
    if not any(isinstance(handler, _Handler) for handler in root.handlers):
        handler = _Handler(level)
        handler.setFormatter(logging.Formatter("%(asctime)s [%(levelname)s] %(name)s: %(message)s", "%H:%M:%S"))
        root.addHandler(handler)
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="%H:%M:%S"),
            structlog.processors.format_exc_info,
            redact_event,
            structlog.dev.ConsoleRenderer(colors=STDERR.isatty()),
        ],
        wrapper_class=_careful(level),
        logger_factory=lambda *_: _Lines(),
        cache_logger_on_first_use=False,
    )
