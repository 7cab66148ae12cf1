"""The roles of the functions, their policies, and calls made with them."""

import functools
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import boto3
import yaml
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from shopctl.project import services
from support.function_policies import as_list, local_policies
from support.http import Answer, http
from support.paths import APPS
from support.running_shop import ACCOUNT, Shop

REGION = "us-east-1"
# distinguishes the calls of these tests from those of functions
SESSION = "a-test"
SERVICES = services.read(APPS)
ROLES = {name: list(local_policies(name)) for name in SERVICES}
POLICIES = {role: policy for name in SERVICES for role, policy in local_policies(name).items()}


@dataclass(frozen=True)
class Resource:
    """A resource of a service: its type in CloudFormation and its name."""

    type: str
    name: str


def resources(service: str) -> list[Resource]:
    """Return the resources in `resources.yaml` that other services could try to access."""
    template = yaml.safe_load((APPS / service / "resources.yaml").read_text())
    names = {
        "AWS::DynamoDB::Table": "TableName",
        "AWS::S3::Bucket": "BucketName",
        "AWS::SNS::Topic": "TopicName",
        "AWS::SQS::Queue": "QueueName",
        "AWS::SecretsManager::Secret": "Name",
    }
    found = []
    for resource in template["Resources"].values():
        kind = resource["Type"]
        if kind in names:
            name = resource["Properties"][names[kind]]["Fn::Sub"]
            name = name.replace("${Stage}", "local").replace("${BucketSuffix}", "")
            found.append(Resource(kind, name))
        elif kind == "AWS::Cognito::UserPool":
            found.append(Resource(kind, "us-east-1_ToyshopLo"))
        elif kind == "AWS::SES::EmailIdentity":
            found.append(Resource(kind, template["Parameters"]["SenderDomain"]["Default"]))
    return found


class Roles:
    """Makes calls as any role of the shop.

    Parameters
    ----------
    shop
        A shop that enforces IAM.
    """

    def __init__(self, shop: Shop) -> None:
        self._shop = shop

    @functools.cache  # noqa: B019 - as long as the tests run
    def credentials(self, role: str) -> Credentials:
        """Assume a role."""
        session = self._shop.client("sts").assume_role(
            RoleArn=f"arn:aws:iam::{ACCOUNT}:role/{role}", RoleSessionName=SESSION
        )["Credentials"]
        return Credentials(
            session["AccessKeyId"], session["SecretAccessKey"], session["SessionToken"]
        )

    @functools.cache  # noqa: B019 - as long as the tests run
    def client(self, role: str, service: str) -> Any:
        """Return a client of the embedded AWS that acts as a role."""
        credentials = self.credentials(role)
        return boto3.client(
            service,
            endpoint_url=self._shop.aws,
            region_name=REGION,
            aws_access_key_id=credentials.access_key,
            aws_secret_access_key=credentials.secret_key,
            aws_session_token=credentials.token,
        )

    def call(self, role: str | None, api: str, method: str, path: str) -> Answer:
        """Call a private API, signed by a role or, if it is ``None``, unsigned."""
        url = f"{self._shop.aws}/restapis/toyshop-local-{api.replace('_', '-')}/api"
        url += f"/_user_request_{path}"
        body = b"" if method in ("GET", "DELETE") else b"{}"
        headers = {"Content-Type": "application/json"} if body else {}
        if role:
            request = AWSRequest(method=method, url=url, data=body, headers=headers)
            SigV4Auth(self.credentials(role), "execute-api", REGION).add_auth(request)
            headers = dict(request.headers.items())
        return http(method, url, body or None, headers)


def invocations(role: str) -> Iterator[tuple[str, str, str]]:
    """Yield the API, method and path of each call that a role's policy allows."""
    for resource in allowed(role, "execute-api:Invoke"):
        api, _, method, path = resource.split(":")[5].split("/", 3)
        yield api.removeprefix("toyshop-local-"), method, "/" + path.replace("*", "nothing")


def allowed(role: str, action: str) -> list[str]:
    """Return the resources that a role's policy allows an action on."""
    return [
        resource
        for statement in POLICIES[role]["Statement"]
        if action in as_list(statement["Action"])
        for resource in as_list(statement["Resource"])
    ]
