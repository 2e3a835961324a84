"""What a check found, in one line each."""

from dataclasses import asdict, dataclass
from typing import Any, Literal


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One thing that is wrong with a contribution, or that a person should look at.

    Attributes:
        severity: an "error" refuses the contribution, a "warning" does not.
        check: name of the check, as in docs/contributions.md.
        path: file or folder, relative to the contribution.
        value: what was found there.
        allowed: what would have been fine.
        next_step: what to do.
    """

    severity: Literal["error", "warning"]
    check: str
    path: str
    value: str
    allowed: str
    next_step: str

    @property
    def line(self) -> str:
        """All of it in one line, whatever characters a file's name has."""
        text = f"{self.severity}: {self.path}: {self.value} (allowed: {self.allowed}): {self.next_step} [{self.check}]"
        return "".join(char if char.isprintable() else ascii(char)[1:-1] for char in text)

    def to_json(self) -> dict[str, Any]:
        """Return the fields as JSON values."""
        return asdict(self)


def error(check: str, path: str, value: str, allowed: str, next_step: str) -> Finding:
    """Return a finding that refuses the contribution."""
    return Finding(severity="error", check=check, path=path, value=value, allowed=allowed, next_step=next_step)


def warning(check: str, path: str, value: str, allowed: str, next_step: str) -> Finding:
    """Return a finding for a person to look at."""
    return Finding(severity="warning", check=check, path=path, value=value, allowed=allowed, next_step=next_step)
