"""Logs go to standard error, a line each, for people; standard output stays the result.

They leave by :class:`triplane.cli.outlet.Outlet`, so a line of a log neither fails nor blocks, whatever it is given and
wherever it goes. What the libraries beneath log goes the same way.
"""

import logging
import sys
import threading
import time
import traceback
from collections.abc import Callable
from types import TracebackType
from typing import Any, Final

import structlog

from triplane.cli.outlet import STDERR
from triplane.venues.keys import protect_logs, redact, redact_event

LONGEST: Final = 16_384
"""Letters of one line."""
AGAIN_S: Final = 5.0
"""Before the same line of a library is written again."""
KNOWN: Final = 256
"""Lines that are remembered for that."""


class _Lines:
    """The end of structlog's chain."""

    @staticmethod
    def msg(text: str) -> None:
        """Take a line that is ready."""
        STDERR.write(text[:LONGEST] + "\n")

    debug = info = warning = error = critical = exception = msg


class Repeats:
    """Lets the same line through once in some seconds: what strangers cause must not fill a log."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lines: dict[str, tuple[float, int]] = {}  # when it was let through last, and how many were held back

    def held(self, line: str) -> int | None:
        """How many of a line were held back before this one; None when it is held back too."""
        now = self._clock()
        last, held = self._lines.get(line, (-AGAIN_S, 0))
        if now - last < AGAIN_S:
            self._lines[line] = (last, held + 1)
            return None
        if len(self._lines) >= KNOWN:
            self._lines.clear()
        self._lines[line] = (now, 0)
        return held


class _Handler(logging.Handler):
    """The same end for the standard library's logging, that of the libraries beneath too."""

    def __init__(self, level: int) -> None:
        super().__init__(level)
        self._repeats = Repeats()

    def emit(self, record: logging.LogRecord) -> None:
        """Take a record."""
        try:
            error = record.exc_info[1] if record.exc_info else None
            held = self._repeats.held(f"{record.name} {record.getMessage()} {error!r}")
            if held is None:
                return
            _Lines.msg(self.format(record) + (f" ({held} more of this line before)" if held else ""))
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
