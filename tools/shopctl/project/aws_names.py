"""Names of AWS resources as templates and policies write them."""

from typing import Any

PREFIX = "toyshop-${Stage}-"


def short(value: Any) -> str | None:
    """Return a resource's name without ``toyshop-<stage>-``.

    Parameters
    ----------
    value
        As a template has it: a name or an ARN, in ``Fn::Sub``; a suffix that is a parameter is
        left out.

    Examples
    --------
    >>> short({"Fn::Sub": "arn:${AWS::Partition}:sqs:r:a:toyshop-${Stage}-orders-retry"})
    'orders-retry'
    """
    text = value.get("Fn::Sub") if isinstance(value, dict) else value
    if not isinstance(text, str) or PREFIX not in text:
        return None
    return text.rpartition(PREFIX)[2].partition("${")[0]
