"""Wait states: with --slow, what AWS takes minutes to make is not ready at once here."""
import time

SECONDS = 0.0


def settle(state, key):
    """Marks `key` as being made from now on."""
    if SECONDS > 0:
        state.setdefault("settling", {})[key] = time.monotonic() + SECONDS


def settling(state, key):
    """Is `key` still on its way?"""
    return state.get("settling", {}).get(key, 0) > time.monotonic()
