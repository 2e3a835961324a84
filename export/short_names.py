"""Names of one or two letters for what is inside a file, where nobody looks a value up by its name."""

from collections.abc import Collection, Iterator
from itertools import count, product

_FIRST = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"  # capitals, since no keyword of any of the formats is written so
_MORE = "0123456789abcdefghijklmnopqrstuvwxyz"


def short_names(taken: Collection[str]) -> Iterator[str]:
    """Yield A to Z, A0, A1, ... without end; those that are taken are left out."""
    for length in count():
        for first, *more in product(_FIRST, *[_MORE] * length):
            if (name := first + "".join(more)) not in taken:
                yield name
