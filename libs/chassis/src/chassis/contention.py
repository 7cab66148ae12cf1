"""Changes to a record that other writers change at the same time.

A write that is conditional on the version that was read fails if another writer was faster. Then
the record is read again and the change is repeated, but not forever.
"""

from chassis import log
from chassis.problems import ServiceUnavailable

MAX_ATTEMPTS = 20
"""More than writers of one record can run at the same time; each failure is another's success."""


class Attempts:
    """Counts the attempts to change a record.

    Parameters
    ----------
    record_id
        Id of the record, for the log.

    Examples
    --------
    >>> attempts = Attempts("toy_1")
    >>> while True:
    ...     attempts.begin()
    ...     break  # if the conditional write succeeded
    """

    def __init__(self, record_id: str) -> None:
        self._record_id = record_id
        self._begun = 0

    def begin(self) -> None:
        """Begin the next attempt.

        Raises
        ------
        ServiceUnavailable
            If ``MAX_ATTEMPTS`` attempts have failed. A consumer's event is then delivered again.
        """
        if self._begun == MAX_ATTEMPTS:
            log.error("too many concurrent changes", record_id=self._record_id)
            raise ServiceUnavailable(
                "Too many requests are changing this at the same time. Try again later."
            )
        self._begun += 1
