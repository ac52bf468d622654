"""A listening socket on this machine alone."""

import socket

from triplane.errors import BadInput


def listen(port: int) -> socket.socket:
    """A listening socket; raises BadInput when the port cannot be had."""
    # with the protocol named, or asyncio would not switch Nagle's algorithm off and every answer took 40 ms
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind(("127.0.0.1", port))
        listener.listen(2048)
    except (OSError, OverflowError) as error:
        listener.close()
        reason = getattr(error, "strerror", None) or error
        raise BadInput(f"port {port} on 127.0.0.1 cannot be used ({reason}); choose another with --port") from None
    return listener
