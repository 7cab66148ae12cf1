"""Creates a table that was deleted, as the service's template defines it."""

from typing import Any

from shopctl.aws import ssm_parameters
from shopctl.aws.target import Target
from shopctl.project.errors import ShopProblem
from shopctl.project.yaml_lines import parse_yaml

_PROPERTIES = (
    "AttributeDefinitions",
    "BillingMode",
    "GlobalSecondaryIndexes",
    "KeySchema",
)


def exists(to: Target, name: str) -> bool:
    """Return whether a table exists."""
    dynamodb = to.cloud.client("dynamodb")
    try:
        dynamodb.describe_table(TableName=name)
    except dynamodb.exceptions.ResourceNotFoundException:
        return False
    return True


def create(to: Target, table: str, name: str) -> str:
    """Create a table of the target's service, empty.

    CloudFormation does not notice that a table was deleted by hand, and cannot create it again.

    Parameters
    ----------
    table, name
        The table's name in ``service.toml``, and its full name.

    Returns
    -------
    str
        What has to be done next; empty if nothing has. A table with a stream has another stream
        than before: its ARN is published, and the service has to be deployed to read it.

    Raises
    ------
    ShopProblem
        If the template has no such table.
    """
    (service,) = to.services
    definition = _definition(parse_yaml(service.resources_file.read_text()), table)
    dynamodb = to.cloud.client("dynamodb")
    options = {key: definition[key] for key in _PROPERTIES if key in definition}
    if definition.get("SSESpecification", {}).get("SSEEnabled"):
        options["SSESpecification"] = {"Enabled": True}
    if stream := definition.get("StreamSpecification"):
        options["StreamSpecification"] = {"StreamEnabled": True, **stream}
    options["DeletionProtectionEnabled"] = to.stage.retain_data
    created = dynamodb.create_table(TableName=name, **options)["TableDescription"]
    dynamodb.get_waiter("table_exists").wait(
        TableName=name, WaiterConfig={"Delay": max(1, int(to.cloud.poll_seconds))}
    )
    if to.stage.retain_data:
        dynamodb.update_continuous_backups(
            TableName=name,
            PointInTimeRecoverySpecification={"PointInTimeRecoveryEnabled": True},
        )
    if expiry := definition.get("TimeToLiveSpecification"):
        dynamodb.update_time_to_live(TableName=name, TimeToLiveSpecification=expiry)
    if not stream:
        return ""
    parameter = f"{service.dashed}/stream-arn"
    ssm_parameters.write(to.cloud, {parameter: created["LatestStreamArn"]})
    return f"./shop deploy --stage {to.stage.name} {service.name} connects its new stream."


def _definition(template: dict[str, Any], table: str) -> dict[str, Any]:
    for resource in template["Resources"].values():
        if resource["Type"] == "AWS::DynamoDB::Table":
            properties: dict[str, Any] = resource["Properties"]
            if properties["TableName"] == {"Fn::Sub": f"toyshop-${{Stage}}-{table}"}:
                return properties
    raise ShopProblem(f"No template defines the table {table}.", "Correct resources.yaml.")
