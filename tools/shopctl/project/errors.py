"""What can go wrong in a command, said so that a reader knows what to do."""


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
        Of the command, where 1 means something else.
    """

    exit_status = 1

    def __init__(self, what: str, remedy: str = "") -> None:
        super().__init__(what)
        self.what = what
        self.remedy = remedy
