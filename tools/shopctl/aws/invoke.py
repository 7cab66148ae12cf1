"""Invokes a function of a service and waits for its result."""

import json
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from shopctl.aws.target import Target
from shopctl.project import aws_names
from shopctl.project.errors import ShopProblem


def invoke(
    to: Target, service: str, function: str, event: Any, timeout_seconds: float = 60
) -> dict[str, Any]:
    """Invoke a function and return its result.

    Parameters
    ----------
    service, function
        Names of the service and of its function.
    event
        Event to invoke it with.
    timeout_seconds
        Seconds to wait for the result.

    Raises
    ------
    ShopProblem
        If the function does not exist or fails.
    """
    name = aws_names.function(to.stage, service, function)
    functions = to.cloud.client("lambda", read_timeout=timeout_seconds)
    try:
        answer = functions.invoke(FunctionName=name, Payload=json.dumps(event).encode())
    except functions.exceptions.ResourceNotFoundException:
        raise ShopProblem(
            f"The stage {to.stage.name} has no function {name}.",
            f"Deploy it: ./shop deploy --stage {to.stage.name} {aws_names.underscored(service)}.",
        ) from None
    except (BotoCoreError, ClientError) as error:
        raise ShopProblem(f"{name} could not be invoked: {error}.", "Try again.") from None
    result: dict[str, Any] = json.load(answer["Payload"])
    if "FunctionError" in answer:
        raise ShopProblem(
            f"{name} failed: {result.get('errorMessage', result)}.",
            f"See its log: ./shop logs {aws_names.underscored(service)}, or CloudWatch.",
        )
    return result
