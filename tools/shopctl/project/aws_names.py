"""Names of AWS resources: all rules to build and to parse them.

Services and functions have underscores in Python and dashes in AWS. Every function here accepts
both spellings.
"""

from typing import Any

from shopctl.project.stages import Stage

PREFIX = "toyshop-${Stage}-"
"""The start of a resource's name as templates write it."""


def dashed(name: str) -> str:
    """Return the name of a service or function as names of AWS resources spell it."""
    return name.replace("_", "-")


def underscored(name: str) -> str:
    """Return the name of a service or function as Python spells it."""
    return name.replace("-", "_")


def resource(stage: str, name: str) -> str:
    """Return the name of a table, topic, queue, secret, bucket or stack of a stage.

    Examples
    --------
    >>> resource("prod", "file_manager")
    'toyshop-prod-file-manager'
    """
    return f"toyshop-{stage}-{dashed(name)}"


def resources_stack(stage: str, service: str) -> str:
    """Return the name of the stack with what outlives a service's releases."""
    return f"{resource(stage, service)}-resources"


def bucket(stage: Stage, name: str) -> str:
    """Return the name of a bucket, which is unique in all of AWS."""
    return resource(stage.name, name) + stage.bucket_suffix


def deployment_bucket(stage: str, account: str) -> str:
    """Return the name of the bucket that holds a stage's packages and releases."""
    return f"{resource(stage, 'deployments')}-{account}"


def gateway_secret(stage: str) -> str:
    """Return the name of the secret that holds the payment gateway's keys."""
    return resource(stage, "payments-gateway")


def app(service: str) -> str:
    """Return the name of a service's Chalice app."""
    return f"toyshop-{dashed(service)}"


def chalice_prefix(stage: Stage, service: str) -> str:
    """Return the start of the names that Chalice gives to a service's functions and roles."""
    return f"{app(service)}-{stage.name}"


def role(stage: Stage, service: str, function: str) -> str:
    """Return the name of a function's IAM role."""
    if stage.mode == "cloudformation":
        return resource(stage.name, f"{service}-{function}")
    return f"{chalice_prefix(stage, service)}-{underscored(function)}"


def function(stage: Stage, service: str, name: str) -> str:
    """Return the name of a Lambda function."""
    if stage.mode == "chalice" and underscored(name) == "api_handler":
        return chalice_prefix(stage, service)
    return role(stage, service, name)


def api(stage: Stage, service: str) -> str:
    """Return the name of a service's REST API."""
    return app(service) if stage.mode == "chalice" else resource(stage.name, service)


def log_group(function_name: str) -> str:
    """Return the log group of a Lambda function."""
    return f"/aws/lambda/{function_name}"


def topic_arn(stage: Stage, name: str) -> str:
    """Return the ARN of an SNS topic."""
    return f"arn:aws:sns:{stage.region}:{stage.account}:{resource(stage.name, name)}"


def queue_url(stage: Stage, name: str) -> str:
    """Return the URL of an SQS queue."""
    host = stage.aws or f"https://sqs.{stage.region}.amazonaws.com"
    return f"{host}/{stage.account}/{resource(stage.name, name)}"


def api_url(stage: Stage, api_id: str) -> str:
    """Return the URL that a REST API's paths are appended to."""
    if stage.aws:
        return f"{stage.aws}/restapis/{api_id}/api/_user_request_"
    return f"https://{api_id}.execute-api.{stage.region}.amazonaws.com/api"


def parameter(stage: str, key: str) -> str:
    """Return the name of an SSM parameter.

    Parameters
    ----------
    key
        Its owner, with dashes, and its content, such as ``orders/api-url``; empty for the common
        start of all names.
    """
    return f"/toyshop/{stage}/{key}"


def parameter_reference(key: str) -> str:
    """Return the text of a template that CloudFormation replaces by an SSM parameter's value."""
    return f"{{{{resolve:ssm:{parameter('${Stage}', key)}}}}}"


def logical_id(function_name: str) -> str:
    """Return the id of a function in Chalice's template."""
    return "APIHandler" if function_name == "api_handler" else _titled(function_name)


def role_logical_id(function_name: str) -> str:
    """Return the id of a function's role in Chalice's template."""
    return f"{_titled(function_name)}Role"


def _titled(name: str) -> str:
    return "".join(part.title() for part in name.split("_"))


def short(value: Any) -> str | None:
    """Return a resource's name without ``toyshop-<stage>-``; None for anything else.

    Parameters
    ----------
    value
        A name or an ARN as a template writes it, possibly in ``Fn::Sub``. A suffix that is a
        parameter is left out.

    Examples
    --------
    >>> short({"Fn::Sub": "arn:${AWS::Partition}:sqs:r:a:toyshop-${Stage}-orders-retry"})
    'orders-retry'
    """
    text = value.get("Fn::Sub") if isinstance(value, dict) else value
    if not isinstance(text, str) or PREFIX not in text:
        return None
    return text.rpartition(PREFIX)[2].partition("${")[0]
