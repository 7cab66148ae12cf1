"""No role of a service can access a resource of another service."""

import uuid
from collections.abc import Callable
from itertools import permutations, product
from typing import Any

import pytest
from botocore.exceptions import ClientError

from support.iam_roles import REGION, ROLES, SERVICES, Resource, Roles, resources
from support.running_shop import ACCOUNT, Shop

NAMES = list(SERVICES)
KEY = {"id": {"S": "nothing"}}
DENIED = {"AccessDenied", "AccessDeniedException", "AuthorizationError"}

Attempt = Callable[[Any, str], Any]


def _topic(name: str) -> str:
    return f"arn:aws:sns:{REGION}:{ACCOUNT}:{name}"


def _mail(client: Any, domain: str) -> Any:
    return client.send_email(
        FromEmailAddress=f"orders@{domain}",
        Destination={"ToAddresses": ["nobody@example.com"]},
        Content={"Raw": {"Data": b"From: orders@toyshop.example\r\nSubject: x\r\n\r\nx"}},
    )


# For each type of resource: its AWS service, and the calls to try.
ATTEMPTS: dict[str, tuple[str, dict[str, Attempt]]] = {
    "AWS::DynamoDB::Table": (
        "dynamodb",
        {
            "read": lambda client, name: client.get_item(TableName=name, Key=KEY),
            "write": lambda client, name: client.put_item(TableName=name, Item=KEY),
            "delete": lambda client, name: client.delete_item(TableName=name, Key=KEY),
            "scan": lambda client, name: client.scan(TableName=name, Limit=1),
        },
    ),
    "AWS::S3::Bucket": (
        "s3",
        {
            "read": lambda client, name: client.get_object(Bucket=name, Key="documents/nothing"),
            "read the page": lambda client, name: client.get_object(Bucket=name, Key="page/x"),
            "write": lambda client, name: client.put_object(Bucket=name, Key="files/x", Body=b"x"),
            "delete": lambda client, name: client.delete_object(Bucket=name, Key="files/nothing"),
            "list": lambda client, name: client.list_objects_v2(Bucket=name),
        },
    ),
    "AWS::SNS::Topic": (
        "sns",
        {
            "publish": lambda client, name: client.publish(TopicArn=_topic(name), Message="x"),
            "subscribe": lambda client, name: client.subscribe(
                TopicArn=_topic(name), Protocol="email", Endpoint="nobody@example.com"
            ),
        },
    ),
    "AWS::SQS::Queue": (
        "sqs",
        {
            "send": lambda client, name: client.send_message(
                QueueUrl=_url(client, name), MessageBody="x"
            ),
            "receive": lambda client, name: client.receive_message(
                QueueUrl=_url(client, name), VisibilityTimeout=0
            ),
        },
    ),
    "AWS::SecretsManager::Secret": (
        "secretsmanager",
        {"read": lambda client, name: client.get_secret_value(SecretId=name)},
    ),
    "AWS::Cognito::UserPool": (
        "cognito-idp",
        {
            "confirm": lambda client, name: client.admin_confirm_sign_up(
                UserPoolId=name, Username=str(uuid.uuid4())
            ),
            "read": lambda client, name: client.list_users(UserPoolId=name),
        },
    ),
    "AWS::SES::EmailIdentity": ("sesv2", {"send": _mail}),
}


def _url(client: Any, name: str) -> str:
    return f"{client.meta.endpoint_url}/{ACCOUNT}/{name}"


def is_allowed(roles: Roles, role: str, resource: Resource, attempt: str) -> bool:
    """Try a call as a role; any error other than a denial means that it was allowed."""
    service, attempts = ATTEMPTS[resource.type]
    try:
        attempts[attempt](roles.client(role, service), resource.name)
    except ClientError as error:
        code = error.response["Error"]["Code"]
        return code not in DENIED
    return True


@pytest.mark.parametrize(("service", "other"), list(permutations(NAMES, 2)))
def test_service_cannot_access_resources_of_another(
    shop: Shop, roles: Roles, service: str, other: str
) -> None:
    tried = list(product(ROLES[service], resources(other)))
    assert tried
    assert [
        f"{role} may {attempt} {resource.name}"
        for role, resource in tried
        for attempt in ATTEMPTS[resource.type][1]
        if is_allowed(roles, role, resource, attempt)
    ] == []


@pytest.mark.parametrize("service", NAMES)
def test_service_can_use_its_own_resources(shop: Shop, roles: Roles, service: str) -> None:
    # proves that the denials above do not come from an AWS that denies everything
    variables = SERVICES[service].manifest.environment.values()
    # CloudFormation puts such a secret into a setting, and no function may read it
    delivered = [
        f"toyshop-local-{value.removeprefix('secret_value:')}"
        for value in variables
        if value.startswith("secret_value:")
    ]
    unused = [
        resource.name
        for resource in resources(service)
        if not any(
            is_allowed(roles, role, resource, attempt)
            for role in ROLES[service]
            for attempt in ATTEMPTS[resource.type][1]
        )
    ]
    assert unused == delivered


def test_function_can_access_only_its_own_prefix_of_a_bucket(shop: Shop, roles: Roles) -> None:
    private, public = (f"toyshop-local-file-manager-{kind}" for kind in ("private", "public"))
    api = roles.client("toyshop-local-file-manager-api-handler", "s3")
    check = roles.client("toyshop-local-file-manager-on-s3-event", "s3")
    # documents belong to the API; the check of uploads cannot read them
    api.put_object(Bucket=private, Key="documents/of-the-test", Body=b"x")
    assert api.get_object(Bucket=private, Key="documents/of-the-test")["Body"].read() == b"x"
    with pytest.raises(ClientError, match="AccessDenied"):
        check.get_object(Bucket=private, Key="documents/of-the-test")
    api.delete_object(Bucket=private, Key="documents/of-the-test")
    # only the check can publish an object, and only as a file
    check.put_object(Bucket=public, Key="files/of-the-test", Body=b"x")
    with pytest.raises(ClientError, match="AccessDenied"):
        check.put_object(Bucket=public, Key="index.html", Body=b"x")
    with pytest.raises(ClientError, match="AccessDenied"):
        api.put_object(Bucket=public, Key="files/of-the-test", Body=b"x")
    check.delete_object(Bucket=public, Key="files/of-the-test")
