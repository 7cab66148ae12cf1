"""What a check finds."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, order=True)
class Finding:
    """A place that breaks a rule.

    Attributes
    ----------
    path, line
        Where.
    what
        What is wrong, one sentence.
    remedy
        How to mend it, one sentence.
    """

    path: Path
    line: int
    what: str
    remedy: str

    def __str__(self) -> str:
        """Return the finding as one line."""
        return f"{self.path}:{self.line}: {self.what} {self.remedy}"
