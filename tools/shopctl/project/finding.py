"""A violation of a rule that a check found."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, order=True)
class Finding:
    """A violation of a rule.

    Attributes
    ----------
    path, line
        File and line.
    what
        What is wrong, one sentence.
    remedy
        How to correct it, one sentence.
    """

    path: Path
    line: int
    what: str
    remedy: str

    def __str__(self) -> str:
        """Return the finding as one line."""
        return f"{self.path}:{self.line}: {self.what} {self.remedy}"
