"""What every private service answers about itself."""

from contracts.operations import Operation
from contracts.schema import Health

HEALTH: Operation[Health] = Operation(
    name="getHealth",
    method="GET",
    path="/health",
    summary="Whether the service answers at all",
    answer=Health,
    repeatable=True,
)
