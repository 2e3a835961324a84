"""What the names of drum samples tell beyond their role."""

import re
from collections.abc import Callable

_OPEN = re.compile(r"open|(^|[^a-z])oh|ohihat|(^|_)ho_|k46")
_CLOSED = re.compile(r"clos|clsd|(^|[^a-z])ch([^a-z]|$)|chihat|(^|_)h[cft]_|k4[24]|foot|pedal|tight|(^|_)hh_1")
_OPEN_S = 0.25


def is_open_hat(name: str, decay_s: Callable[[], float]) -> bool:
    """Return whether a hi-hat is open, by its file's name in lower case, or else if it sounds for over a quarter of a second.

    Args:
        decay_s: gives the time after which it stays 20 dB under its peak; asked only where the name does not tell.
    """
    if "half_closed" in name or (_CLOSED.search(name) and not _OPEN.search(name)):
        return False
    return bool(_OPEN.search(name)) or decay_s() > _OPEN_S
