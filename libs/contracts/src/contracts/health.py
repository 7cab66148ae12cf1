"""The health check of the private services."""

from contracts.operations import Operation
from contracts.schema import Health

HEALTH: Operation[Health] = Operation(
    name="getHealth",
    method="GET",
    path="/health",
    summary="Check whether the service can do its work",
    answer=Health,
    problems=(400,),
    repeatable=True,
)
