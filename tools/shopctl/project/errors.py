"""The error that a command reports to its user."""


class ShopProblem(Exception):
    """A failure with one sentence on what happened and one on what to do.

    Parameters
    ----------
    what
        What happened, one sentence.
    remedy
        What to do about it, one sentence; empty if nothing can be done.

    Attributes
    ----------
    exit_status
        Exit status of the command; a command in which 1 has another meaning sets it.
    """

    exit_status = 1

    def __init__(self, what: str, remedy: str = "") -> None:
        super().__init__(what)
        self.what = what
        self.remedy = remedy
