"""The HTTP and WebSocket side: reads the engine's replica, hands commands to the engine, and decides nothing itself."""

from triplane.api.app import create_app
from triplane.flow.token import load_token

__all__ = ["create_app", "load_token"]
