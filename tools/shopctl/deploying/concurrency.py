"""Scales the concurrency that functions reserve, and compares it with the account's limit."""

import copy
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import msgspec

from shopctl.project import aws_names, delivery_config
from shopctl.project.errors import ShopProblem

if TYPE_CHECKING:
    from shopctl.aws.target import Target

_FUNCTION = "AWS::Serverless::Function"
# Lambda refuses a reservation that would leave less for all other functions
_UNRESERVED = 100


def apply(template: Mapping[str, Any], factor: float) -> dict[str, Any]:
    """Return a packaged template with the functions' concurrency multiplied by a factor.

    Parameters
    ----------
    template
        Template as Chalice packages it; it is not changed.
    """
    changed = copy.deepcopy(dict(template))
    for resource in changed["Resources"].values():
        if resource["Type"] == _FUNCTION:
            delivery_config.scale(resource["Properties"], factor)
    return changed


def check(to: "Target", published: Mapping[str, str]) -> None:
    """Check that the account can reserve what the functions of the services need.

    Parameters
    ----------
    published
        Values that the stage's services and infrastructure published.

    Raises
    ------
    ShopProblem
        If Lambda would refuse it.
    """
    unscaled = msgspec.structs.replace(to.stage, concurrency=1)
    limits = [
        function.concurrency
        for service in to.services
        for function in delivery_config.read(service, unscaled, published).functions
        if function.concurrency
    ]

    def needed(factor: float) -> int:
        return sum(delivery_config.scaled(limit, factor) or 0 for limit in limits)

    if not (wanted := needed(to.stage.concurrency)):
        return
    account = to.cloud.client("lambda").get_account_settings()["AccountLimit"]
    free = account["UnreservedConcurrentExecutions"] - _UNRESERVED
    if wanted <= free:
        return
    # these functions can use what they have reserved already
    free = max(0, free + _reserved(to))
    if wanted <= free:
        return
    fits = next((percent / 100 for percent in range(99, 0, -1) if needed(percent / 100) <= free), 0)
    raise ShopProblem(
        f"The functions reserve a concurrency of {wanted}, and the account has {free} to reserve:"
        f" its limit is {account['ConcurrentExecutions']}, of which {_UNRESERVED} stay unreserved.",
        "Request a higher limit of concurrent executions of Lambda in Service Quotas, or set"
        f" concurrency = {fits:g} for {to.stage.name} in stages.toml.",
    )


def _reserved(to: "Target") -> int:
    """Return the concurrency that the services' functions have reserved already."""
    functions = to.cloud.client("lambda")
    total = 0
    for service in to.services:
        for function in service.manifest.functions:
            name = aws_names.function(to.stage, service.name, function)
            try:
                found = functions.get_function_concurrency(FunctionName=name)
            except functions.exceptions.ResourceNotFoundException:
                continue
            total += found.get("ReservedConcurrentExecutions", 0)
    return total
