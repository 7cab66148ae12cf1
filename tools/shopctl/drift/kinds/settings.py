"""Alarms, dashboards, log groups, published parameters, and the user pool."""

import json
from collections.abc import Mapping
from typing import Any

from shopctl.aws import ssm_parameters
from shopctl.deploying import infra
from shopctl.drift.kinds.kind import Facts, Kind, belongs_to_stage, pages
from shopctl.drift.model import API, DeclaredResource, Model
from shopctl.project import aws_names

_PARAMETER = "AWS::SSM::Parameter"
_ALARM, _COMPOSITE = "AWS::CloudWatch::Alarm", "AWS::CloudWatch::CompositeAlarm"
_DASHBOARD = "AWS::CloudWatch::Dashboard"
_POOL, _CLIENT = "AWS::Cognito::UserPool", "AWS::Cognito::UserPoolClient"
_GROUP = "AWS::Cognito::UserPoolGroup"
_LOG_GROUP = "AWS::Logs::LogGroup"
_ALARM_DEFAULTS: dict[str, Any] = {
    "ActionsEnabled": True,
    "Namespace": None,
    "MetricName": None,
    "Statistic": None,
    "ExtendedStatistic": None,
    "Period": None,
    "EvaluationPeriods": None,
    "DatapointsToAlarm": None,
    "Threshold": None,
    "ComparisonOperator": None,
    "TreatMissingData": "missing",
}
_UPDATE_SETTINGS = "UserAttributeUpdateSettings"
_CLIENT_SETTINGS = (
    "ExplicitAuthFlows",
    "ReadAttributes",
    "WriteAttributes",
    "PreventUserExistenceErrors",
    "EnableTokenRevocation",
    "AccessTokenValidity",
    "IdTokenValidity",
    "RefreshTokenValidity",
    "TokenValidityUnits",
)


def _alarms(model: Model) -> Facts:
    return {
        **{declared.name: _alarm(declared.properties) for declared in model.of(_ALARM)},
        **{declared.name: _composite(declared.properties) for declared in model.of(_COMPOSITE)},
    }


def _alarm(settings: Mapping[str, Any]) -> dict[str, Any]:
    threshold = settings.get("Threshold")
    return {
        **{name: settings.get(name, default) for name, default in _ALARM_DEFAULTS.items()},
        # an alarm has one or the other; the embedded AWS adds the default of the first
        "Statistic": None if settings.get("ExtendedStatistic") else settings.get("Statistic"),
        "Threshold": None if threshold is None else float(threshold),
        "Dimensions": {one["Name"]: one["Value"] for one in settings.get("Dimensions", [])},
        "Metrics": {one["Id"]: _query(one) for one in settings.get("Metrics", [])},
        **_actions(settings),
    }


def _composite(settings: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "AlarmRule": settings.get("AlarmRule"),
        "ActionsEnabled": settings.get("ActionsEnabled", True),
        **_actions(settings),
    }


def _actions(settings: Mapping[str, Any]) -> dict[str, Any]:
    return {
        name: sorted(map(str, settings.get(name, [])))
        for name in ("AlarmActions", "OKActions", "InsufficientDataActions")
    }


def _query(query: Mapping[str, Any]) -> dict[str, Any]:
    """Return a part of a metric math expression, without the defaults that AWS adds."""
    measured = query.get("MetricStat")
    if not measured:
        return {"Expression": query.get("Expression")}
    metric = measured["Metric"]
    return {
        "Namespace": metric["Namespace"],
        "MetricName": metric["MetricName"],
        "Dimensions": {one["Name"]: one["Value"] for one in metric.get("Dimensions", [])},
        "Period": measured["Period"],
        "Stat": measured["Stat"],
    }


def _actual_alarms(model: Model) -> Facts:
    prefix = aws_names.resource(model.to.stage.name, "")
    facts: Facts = {}
    for kind, key, read in (
        ("MetricAlarm", "MetricAlarms", _alarm),
        ("CompositeAlarm", "CompositeAlarms", _composite),
    ):
        found = pages(
            model.to.cloud,
            "cloudwatch",
            "describe_alarms",
            key,
            AlarmNamePrefix=prefix,
            AlarmTypes=[kind],
        )
        facts |= {alarm["AlarmName"]: read(alarm) for alarm in found}
    return facts


def _dashboards(model: Model) -> Facts:
    return {
        declared.name: {"DashboardBody": _body(declared.properties["DashboardBody"])}
        for declared in model.of(_DASHBOARD)
    }


def _actual_dashboards(model: Model) -> Facts:
    client = model.to.cloud.client("cloudwatch")
    prefix = aws_names.resource(model.to.stage.name, "")
    found = pages(
        model.to.cloud,
        "cloudwatch",
        "list_dashboards",
        "DashboardEntries",
        DashboardNamePrefix=prefix,
    )
    names = [each["DashboardName"] for each in found]
    return {
        name: {"DashboardBody": _body(client.get_dashboard(DashboardName=name)["DashboardBody"])}
        for name in names
    }


def _body(text: Any) -> Any:
    return json.loads(text) if isinstance(text, str) else text


def _log_groups(model: Model) -> Facts:
    return {
        declared.name: {"RetentionInDays": declared.properties.get("RetentionInDays")}
        for declared in model.of(_LOG_GROUP)
    }


def _actual_log_groups(model: Model) -> Facts:
    # Lambda creates other groups when functions write to them
    expected = _log_groups(model)
    found = pages(
        model.to.cloud, "logs", "describe_log_groups", "logGroups", logGroupNamePrefix="/aws/"
    )
    return {
        group["logGroupName"]: {"RetentionInDays": group.get("retentionInDays")}
        for group in found
        if group["logGroupName"] in expected
    }


def _parameters(model: Model) -> Facts:
    facts: Facts = {
        declared.name: {"Value": declared.properties["Value"]} for declared in model.of(_PARAMETER)
    }
    for declared in model.of(API):
        where = ssm_parameters.of_api(
            model.to.stage, declared.service.dashed, _api_id(model, declared)
        )
        facts |= {
            f"{aws_names.parameter(model.to.stage.name, name)}": {"Value": value}
            for name, value in where.items()
        }
    if len(model.to.services) == len(model.to.all_services):
        facts |= {
            aws_names.parameter(model.to.stage.name, name): {"Value": value}
            for name, value in infra.published(model.to).items()
        }
    return facts


def _api_id(model: Model, declared: DeclaredResource) -> str:
    """Return the id of an API: from its stack, or as published if Chalice deployed it."""
    physical = model.physical.get(declared.service.name, {}).get(declared.logical_id)
    return physical or model.published.get(f"{declared.service.dashed}/api-id", "")


def _actual_parameters(model: Model) -> Facts:
    return {
        f"{aws_names.parameter(model.to.stage.name, name)}": {"Value": value}
        for name, value in model.published.items()
    }


def _pools(model: Model) -> Facts:
    clients = {declared.service.name: declared for declared in model.of(_CLIENT)}
    facts: Facts = {}
    for declared in model.of(_POOL):
        client = clients.get(declared.service.name)
        facts[declared.name] = {
            "PasswordPolicy": declared.properties.get("Policies", {}).get("PasswordPolicy", {}),
            "MfaConfiguration": declared.properties.get("MfaConfiguration", "OFF"),
            "EmailConfiguration": declared.properties.get("EmailConfiguration", {}),
            _UPDATE_SETTINGS: declared.properties.get(_UPDATE_SETTINGS, {}),
            "DeletionProtection": declared.properties.get("DeletionProtection", "INACTIVE"),
            "Groups": sorted(
                group.name for group in model.of(_GROUP) if group.service == declared.service
            ),
            "Clients": {client.name: _client(client.properties)} if client else {},
        }
    return facts


def _client(settings: Mapping[str, Any]) -> dict[str, Any]:
    chosen = {name: settings.get(name) for name in _CLIENT_SETTINGS}
    # AWS returns lists in an order of its own
    return {
        name: sorted(value) if isinstance(value, list) else value for name, value in chosen.items()
    }


def _actual_pools(model: Model) -> Facts:
    found = pages(model.to.cloud, "cognito-idp", "list_user_pools", "UserPools", MaxResults=60)
    return {
        pool["Name"]: _actual_pool(model, pool["Id"])
        for pool in found
        if belongs_to_stage(model.to, pool["Name"])
    }


def _actual_pool(model: Model, pool_id: str) -> dict[str, Any]:
    cloud = model.to.cloud
    client = cloud.client("cognito-idp")
    pool = client.describe_user_pool(UserPoolId=pool_id)["UserPool"]
    expected = next((one.properties for one in model.of(_POOL)), {})
    wanted = expected.get("Policies", {}).get("PasswordPolicy", {})
    password = pool.get("Policies", {}).get("PasswordPolicy", {})
    email = pool.get("EmailConfiguration", {})
    groups = pages(cloud, "cognito-idp", "list_groups", "Groups", UserPoolId=pool_id)
    clients = pages(
        cloud,
        "cognito-idp",
        "list_user_pool_clients",
        "UserPoolClients",
        UserPoolId=pool_id,
        MaxResults=60,
    )
    return {
        # AWS adds settings of its own
        "PasswordPolicy": {name: password.get(name) for name in wanted},
        "MfaConfiguration": pool.get("MfaConfiguration", "OFF"),
        "EmailConfiguration": {
            name: email.get(name) for name in expected.get("EmailConfiguration", {})
        },
        _UPDATE_SETTINGS: pool.get(_UPDATE_SETTINGS, {}),
        "DeletionProtection": pool.get("DeletionProtection", "INACTIVE"),
        "Groups": sorted(group["GroupName"] for group in groups),
        "Clients": {
            one["ClientName"]: _client(
                client.describe_user_pool_client(UserPoolId=pool_id, ClientId=one["ClientId"])[
                    "UserPoolClient"
                ]
            )
            for one in clients
        },
    }


KINDS = (
    Kind("alarm", (_ALARM, _COMPOSITE), _alarms, _actual_alarms),
    Kind("dashboard", (_DASHBOARD,), _dashboards, _actual_dashboards),
    Kind("log group", (_LOG_GROUP,), _log_groups, _actual_log_groups),
    Kind("parameter", (_PARAMETER,), _parameters, _actual_parameters),
    Kind("user pool", (_POOL, _CLIENT, _GROUP), _pools, _actual_pools),
)
