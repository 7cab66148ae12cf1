"""The calls of the apps to AWS, through the chassis's clients and those of botocore."""

from collections.abc import Callable, Mapping
from typing import Any, Protocol

from botocore.client import BaseClient

from chassis.aws_client import AwsClient

Params = Mapping[str, Any]
Original = Callable[[], Any]
Intercept = Callable[[Original, str, str, Params], Any]
"""Takes the original call, the service, the operation and its parameters; returns the answer."""


class Patch(Protocol):
    """What replaces an attribute for a while; ``pytest.MonkeyPatch`` is one."""

    def setattr(self, target: Any, name: str, value: Any) -> None:
        """Replace an attribute."""


def intercept(patch: Patch, call: Intercept) -> None:
    """Pass all calls to AWS to a function.

    Parameters
    ----------
    patch
        Ends the interception.
    call
        Gets each call, and may make the original one.
    """
    by_botocore = BaseClient._make_api_call  # type: ignore[attr-defined]
    by_chassis = AwsClient._call

    def of_botocore(client: Any, operation: str, params: Params) -> Any:
        service = client.meta.service_model.service_name
        return call(lambda: by_botocore(client, operation, params), service, operation, params)

    def of_chassis(client: AwsClient, operation: str, params: Params) -> Any:
        return call(
            lambda: by_chassis(client, operation, params), client.service, operation, params
        )

    patch.setattr(BaseClient, "_make_api_call", of_botocore)
    patch.setattr(AwsClient, "_call", of_chassis)
