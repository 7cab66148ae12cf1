"""Invokes a function of a service and waits for what it answers."""

import json
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from shopctl.aws.target import Target
from shopctl.project import aws_names
from shopctl.project.errors import ShopProblem


def invoke(
    to: Target, service: str, function: str, event: Any, patience: float = 60
) -> dict[str, Any]:
    """Invoke a function and return its answer.

    Parameters
    ----------
    service, function
        Their names, in dashes and as in ``app.py``.
    patience
        Seconds to wait for the answer: as long as the function may take.

    Raises
    ------
    ShopProblem
        If the function is not there, or fails.
    """
    name = aws_names.function(to.stage, service, function)
    functions = to.cloud.client("lambda", read_timeout=patience)
    try:
        answer = functions.invoke(FunctionName=name, Payload=json.dumps(event).encode())
    except functions.exceptions.ResourceNotFoundException:
        raise ShopProblem(
            f"The stage {to.stage.name} has no function {name}.",
            f"Deploy it: ./shop deploy --stage {to.stage.name} {aws_names.underscored(service)}.",
        ) from None
    except (BotoCoreError, ClientError) as error:
        raise ShopProblem(f"{name} could not be invoked: {error}.", "Try again.") from None
    report: dict[str, Any] = json.load(answer["Payload"])
    if "FunctionError" in answer:
        raise ShopProblem(
            f"{name} has failed: {report.get('errorMessage', report)}.",
            f"Its log says where: ./shop logs {aws_names.underscored(service)}, or CloudWatch.",
        )
    return report
