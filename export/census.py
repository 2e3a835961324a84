"""What a file is made of, and what of it leaves the accelerator."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Census:
    """The operations of a file.

    Attributes:
        operations: how many of each.
        warnings: a line for each kind of thing that the Neural Engine or the GPU delegate does not take; empty if there is none.
    """

    operations: dict[str, int]
    warnings: tuple[str, ...] = ()

    def summary(self) -> str:
        """Return "31 RELU, 29 MATMUL, ...", the most frequent first."""
        return ", ".join(
            f"{count} {name}" for name, count in sorted(self.operations.items(), key=lambda item: (-item[1], item[0]))
        )
