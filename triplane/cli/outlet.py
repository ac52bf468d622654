"""What a process prints must never be why a trade fails.

Where it goes may be full, closed, or a pipe that nobody reads. So pieces of text are put into a bounded queue, a thread
writes them, and what cannot be written is lost and counted.
"""

import atexit
import os
import sys
import threading
import time
from queue import SimpleQueue
from typing import Final, TextIO

WAITING: Final = 1000
"""Pieces that may wait to be written."""
LAST_S: Final = 1.0
"""For the last pieces when the process ends."""


class Outlet:
    """A standard stream that a thread writes to: ``write`` never blocks and never raises. Can be the file of a console.

    Attributes
    ----------
    lost
        Pieces that could not be written, or not be kept until they could.
    """

    encoding = "utf-8"

    def __init__(self, name: str) -> None:
        self._name = name
        self._queue: SimpleQueue[str | threading.Event] = SimpleQueue()  # its put may interrupt itself, as in a __del__
        self._thread: threading.Thread | None = None
        self.lost = 0
        self._told = 0

    def start(self) -> None:
        """Begin to write; may be called again."""
        if self._thread is None or not self._thread.is_alive():
            self._thread = threading.Thread(target=self._run, name=f"to {self._name}", daemon=True)
            self._thread.start()
            atexit.register(self.drain)

    def write(self, text: str) -> int:
        """Have a piece written."""
        if self._queue.qsize() < WAITING:
            self._queue.put(text)
        else:
            self.lost += 1
        return len(text)

    def flush(self) -> None:
        """Nothing, because it would have to wait; that is what :meth:`drain` does."""

    def isatty(self) -> bool:
        """Whether a person watches."""
        try:
            return self._stream().isatty()
        except (AttributeError, OSError, ValueError):  # there is none, or it is closed
            return False

    def drain(self, seconds: float = LAST_S) -> bool:
        """Wait until all that waits is written, so long at most."""
        if self._thread is None:
            return True
        written = threading.Event()
        self._queue.put(written)
        return written.wait(seconds)

    def _stream(self) -> TextIO:
        """Today's stream, whatever it was at the start; None in a process without one."""
        stream: TextIO = getattr(sys, self._name)
        return stream

    def _run(self) -> None:
        while True:
            piece = self._queue.get()
            if isinstance(piece, threading.Event):
                piece.set()
            elif self._put(piece) and self.lost > self._told:
                lost, self._told = self.lost - self._told, self.lost
                self._put(f"{lost} lines are missing here: nobody took them, or they could not be written.\n")

    def _put(self, text: str) -> bool:
        try:
            stream = self._stream()
            try:
                descriptor = stream.fileno()
            except (OSError, ValueError):  # not a file, as in a test
                stream.write(text)
                return True
            data = text.encode("utf-8", "replace")
            while data:
                try:
                    data = data[os.write(descriptor, data) :]
                except BlockingIOError:  # the one at the other end is slow; only this thread waits for it
                    time.sleep(0.05)
        except Exception:  # noqa: BLE001 - whatever it is, there is nowhere to tell it
            self.lost += 1
            return False
        return True


STDOUT: Final = Outlet("stdout")
STDERR: Final = Outlet("stderr")
