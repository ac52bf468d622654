"""The errors a user can meet.

::

    TriplaneError            something went wrong, said in one sentence        (exit code 1)
    └── BadInput             the user gave something that cannot be used       (exit code 2 on the command line)
        └── DataError        a file or a frame of market data cannot be used

Each message names the field, the value and what is allowed.
"""


class TriplaneError(Exception):
    """Base of all errors that Triplane raises on purpose; the text is one sentence for the user."""


class BadInput(TriplaneError, ValueError):  # noqa: N818 - reads as what it is
    """An argument, a setting or a file cannot be used."""


class DataError(BadInput):
    """Market data is missing, malformed or out of order."""
