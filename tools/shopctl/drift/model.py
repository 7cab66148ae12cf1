"""The resources that the repository declares for a stage, with every reference resolved."""

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from shopctl.aws import artifact_bucket, cloudformation, ssm_parameters
from shopctl.aws.ssm_parameters import PublishedValues
from shopctl.aws.target import Target
from shopctl.deploying import stacks
from shopctl.drift.change import UNKNOWN
from shopctl.packaging.package import Package
from shopctl.project import aws_names, delivery_config
from shopctl.project.services import Service

FUNCTION = "AWS::Serverless::Function"
ROLE = "AWS::IAM::Role"
API = "AWS::Serverless::Api"
# the property that names a resource of a type
_NAMED_BY = {
    FUNCTION: "FunctionName",
    ROLE: "RoleName",
    API: "Name",
    "AWS::SQS::Queue": "QueueName",
    "AWS::SNS::Topic": "TopicName",
    "AWS::DynamoDB::Table": "TableName",
    "AWS::S3::Bucket": "BucketName",
    "AWS::CloudWatch::Alarm": "AlarmName",
    "AWS::CloudWatch::CompositeAlarm": "AlarmName",
    "AWS::CloudWatch::Dashboard": "DashboardName",
    "AWS::SSM::Parameter": "Name",
    "AWS::SecretsManager::Secret": "Name",
    "AWS::Logs::LogGroup": "LogGroupName",
    "AWS::Cognito::UserPool": "UserPoolName",
    "AWS::Cognito::UserPoolClient": "ClientName",
    "AWS::Cognito::UserPoolGroup": "GroupName",
}
_ARNS = {
    FUNCTION: "arn:aws:lambda:{place}:function:{name}",
    ROLE: "arn:aws:iam::{account}:role/{name}",
    "AWS::SQS::Queue": "arn:aws:sqs:{place}:{name}",
    "AWS::SNS::Topic": "arn:aws:sns:{place}:{name}",
    "AWS::DynamoDB::Table": "arn:aws:dynamodb:{place}:table/{name}",
    "AWS::S3::Bucket": "arn:aws:s3:::{name}",
}
_VARIABLE = re.compile(r"\$\{([^!}][^}]*)\}")
_PARAMETER = re.compile(r"\{\{resolve:ssm:/toyshop/[^/]+/([^}]+)\}\}")
_REMOVED = object()


@dataclass(frozen=True)
class DeclaredResource:
    """One resource of a service's templates.

    Attributes
    ----------
    name
        Name in AWS; the logical id if it has none.
    properties
        Properties with every reference resolved.
    """

    service: Service
    logical_id: str
    type: str
    name: str
    properties: Mapping[str, Any]


@dataclass(frozen=True)
class Model:
    """Services as the repository declares them for a stage.

    Attributes
    ----------
    to
        The stage and the services.
    published
        Values that the stage's services published.
    packages
        The package that a deployment would release, by service.
    resources
        Resources of all their templates.
    physical
        Physical ids of the resources of each service's release, by logical id.
    """

    to: Target
    published: PublishedValues
    packages: Mapping[str, Package]
    resources: tuple[DeclaredResource, ...]
    physical: Mapping[str, Mapping[str, str]]

    def of(self, *types: str) -> Iterable[DeclaredResource]:
        """Yield the resources of these types."""
        return (resource for resource in self.resources if resource.type in types)


def build(to: Target, packages: Mapping[str, Package]) -> Model:
    """Resolve the templates of services, as a deployment would send them.

    Parameters
    ----------
    packages
        Packages by service.
    """
    published = ssm_parameters.read(to.cloud)
    resources: list[DeclaredResource] = []
    physical = {}
    for service in to.services:
        templates = [stacks.resources(to.cloud, to.stage, service)]
        if service.name in packages:
            bucket = artifact_bucket.of(to.cloud)
            templates.append(stacks.release(to.cloud, packages[service.name], bucket)[0])
        physical[service.name] = cloudformation.physical_ids(
            to.cloud, aws_names.resource(to.stage.name, service.name)
        )
        for template in templates:
            if template:
                resources += _Template(to, service, template, published).resources()
    return Model(to, published, packages, tuple(resources), physical)


class _Template:
    """A template of a service, and the values of its intrinsic functions."""

    def __init__(
        self,
        to: Target,
        service: Service,
        template: cloudformation.Template,
        published: PublishedValues,
    ) -> None:
        self._to, self._service, self._published = to, service, published
        content = json.loads(template.body)
        self._declared: dict[str, Any] = content["Resources"]
        self._conditions: dict[str, Any] = content.get("Conditions", {})
        place = f"{to.stage.region}:{to.stage.account}"
        self._place = {"place": place, "account": to.stage.account}
        self._values: dict[str, Any] = {
            "AWS::Partition": "aws",
            "AWS::Region": to.stage.region,
            "AWS::AccountId": to.stage.account,
            "AWS::URLSuffix": "amazonaws.com",
            "AWS::NoValue": _REMOVED,
        }
        for name, parameter in content.get("Parameters", {}).items():
            self._values[name] = parameter.get("Default", UNKNOWN)
        for given in template.parameters:
            self._values[given["ParameterKey"]] = given["ParameterValue"]
        self._physical = cloudformation.physical_ids(to.cloud, template.name)
        self._names = _chalice_names(service, to) if to.stage.mode == "chalice" else {}

    def resources(self) -> Iterable[DeclaredResource]:
        for logical_id, declared in self._declared.items():
            condition = declared.get("Condition")
            if condition and not self._holds(condition):
                continue
            yield DeclaredResource(
                self._service,
                logical_id,
                declared["Type"],
                self._name(logical_id),
                self._resolve(declared.get("Properties", {})),
            )

    def _name(self, logical_id: str) -> str:
        declared = self._declared[logical_id]
        if logical_id in self._names and declared["Type"] in (FUNCTION, ROLE):
            return self._names[logical_id]
        given = declared.get("Properties", {}).get(_NAMED_BY.get(declared["Type"], ""))
        return logical_id if given is None else str(self._resolve(given))

    def _resolve(self, value: Any) -> Any:
        if isinstance(value, dict):
            if len(value) == 1:
                ((function, argument),) = value.items()
                if function == "Ref" or function.startswith("Fn::"):
                    return self._call(function.removeprefix("Fn::"), argument)
            resolved = {name: self._resolve(child) for name, child in value.items()}
            return {name: child for name, child in resolved.items() if child is not _REMOVED}
        if isinstance(value, list):
            return [self._resolve(child) for child in value]
        if isinstance(value, str):
            return _PARAMETER.sub(lambda found: self._published[found[1]], value)
        return value

    def _call(self, function: str, argument: Any) -> Any:
        if function == "Ref":
            return self._values[argument] if argument in self._values else self._ref(argument)
        if function == "GetAtt":
            path = argument if isinstance(argument, str) else ".".join(argument)
            return self._attribute(*path.rsplit(".", 1))
        if function == "Sub":
            return self._substituted(*([argument] if isinstance(argument, str) else argument))
        if function == "If":
            condition, then, otherwise = argument
            return self._resolve(then if self._holds(condition) else otherwise)
        if function == "Join":
            parts = [self._resolve(part) for part in argument[1]]
            unknown = any(part is UNKNOWN for part in parts)
            return UNKNOWN if unknown else argument[0].join(parts)
        return UNKNOWN

    def _substituted(self, text: str, given: Mapping[str, Any] | None = None) -> Any:
        unknown = False

        def value(found: re.Match[str]) -> str:
            nonlocal unknown
            name = found[1]
            if given and name in given:
                resolved = self._resolve(given[name])
            elif name in self._values or "." not in name:
                resolved = self._call("Ref", name)
            else:
                resolved = self._call("GetAtt", name)
            unknown = unknown or resolved is UNKNOWN
            return str(resolved)

        made = _VARIABLE.sub(value, text)
        return UNKNOWN if unknown else self._resolve(made)

    def _holds(self, condition: Any) -> bool:
        if isinstance(condition, str):
            return self._holds(self._conditions[condition])
        ((function, argument),) = condition.items()
        if function == "Condition":
            return self._holds(argument)
        if function == "Fn::Equals":
            first, second = (self._resolve(one) for one in argument)
            return bool(first == second)
        if function == "Fn::Not":
            return not self._holds(argument[0])
        combine = {"Fn::And": all, "Fn::Or": any}[function]
        return combine(self._holds(one) for one in argument)

    def _ref(self, logical_id: str) -> Any:
        declared = self._declared.get(logical_id)
        if declared is None:
            # the alias or version that SAM adds to a function
            function = logical_id.removesuffix(".Alias")
            return f"{self._name(function)}:live" if function in self._declared else UNKNOWN
        kind, name = declared["Type"], self._name(logical_id)
        if kind == API:
            return self._published.get(f"{self._service.dashed}/api-id", UNKNOWN)
        if kind == "AWS::SQS::Queue":
            short_name = name.removeprefix(aws_names.resource(self._to.stage.name, ""))
            return aws_names.queue_url(self._to.stage, short_name)
        if kind == "AWS::SNS::Topic":
            return self._attribute(logical_id, "TopicArn")
        if kind.startswith("AWS::Cognito::") or logical_id == name:
            return self._physical.get(logical_id, UNKNOWN)
        return UNKNOWN if kind == "AWS::SecretsManager::Secret" else name

    def _attribute(self, logical_id: str, attribute: str) -> Any:
        function = logical_id.removesuffix(".Alias")
        declared = self._declared.get(function)
        if declared is None:
            return UNKNOWN
        kind, name = declared["Type"], self._name(function)
        if attribute in ("Arn", "TopicArn") and kind in _ARNS:
            return _ARNS[kind].format(name=name, **self._place)
        if attribute in ("QueueName", "TopicName"):
            return name
        if attribute == "StreamArn":
            return self._stream(name)
        return UNKNOWN

    def _stream(self, table: str) -> Any:
        client = self._to.cloud.client("dynamodb")
        try:
            found = client.describe_table(TableName=table)["Table"]
        except client.exceptions.ResourceNotFoundException:
            return UNKNOWN
        return found.get("LatestStreamArn", UNKNOWN)


def _chalice_names(service: Service, to: Target) -> dict[str, str]:
    """Return Chalice's names of functions and roles by logical id."""
    names: dict[str, str] = {}
    for logical_id, function in delivery_config.function_names(service).items():
        names[logical_id] = aws_names.function(to.stage, service.name, function)
        role = aws_names.role(to.stage, service.name, function)
        names[aws_names.role_logical_id(function)] = role
    return names
