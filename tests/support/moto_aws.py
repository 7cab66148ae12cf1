"""AWS in memory (moto), with the resources of the services' own templates."""

import itertools
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from copy import deepcopy
from functools import cache
from pathlib import Path
from typing import Any

import boto3
import pytest
import yaml
from botocore.awsrequest import AWSRequest
from joserfc.jwk import RSAKey
from moto import mock_aws
from moto.core.models import botocore_stubber
from moto.utilities.utils import load_resource
from urllib3 import HTTPHeaderDict, Timeout

import chassis.aws
import chassis.aws_client
from chassis.connections import Connections, Response
from support.http import WireAnswer
from support.paths import APPS

REGION = "us-east-1"
ACCOUNT = "000000000000"


@cache
def _session() -> boto3.Session:
    return boto3.Session(region_name=REGION)


@cache
def client_of(service: str) -> Any:
    """Return the client of an AWS service; all tests share it, as creating one is slow."""
    return _session().client(service)


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Give every test an empty AWS in memory."""
    monkeypatch.setenv("MOTO_ACCOUNT_ID", ACCOUNT)
    monkeypatch.setattr("moto.core.models.DEFAULT_ACCOUNT_ID", ACCOUNT, raising=False)
    # moto registers 1,300 patterns of AWS's URLs with the library `requests`, which no app
    # uses to call AWS; botocore is intercepted without them
    monkeypatch.setattr("moto.core.models.RESPONSES_METHODS", ())
    with mock_aws(), _reads_one_write_behind(monkeypatch):
        send_to_moto(monkeypatch)
        yield


class _MotoConnections:
    """The connections of the chassis's AWS client, to moto in this process.

    moto answers requests of botocore before they reach the network. The chassis's client has no
    botocore below it, so its requests, complete with headers and signature, are passed on here.
    Requests to other services of the shop, which a test serves, go through the network.
    """

    def __init__(self) -> None:
        self._network = Connections()

    def request(
        self, method: str, url: str, *, body: bytes, headers: Mapping[str, str], timeout: Timeout
    ) -> Response:
        """Return moto's response to a request of AWS, or that of another service."""
        if ".amazonaws.com" not in url:
            return self._network.request(method, url, body=body, headers=headers, timeout=timeout)
        request = AWSRequest(method=method, url=url, data=body, headers=dict(headers)).prepare()
        answer = botocore_stubber("before-send", request)
        assert answer is not None, f"moto does not know {url}"
        return WireAnswer(answer.status_code, HTTPHeaderDict(answer.headers), answer.content)


def send_to_moto(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make the chassis's AWS clients call moto; they are created again."""
    connections = _MotoConnections()
    monkeypatch.setattr(chassis.aws_client.connections, "shared", lambda: connections)
    chassis.aws.client.cache_clear()


_before_last_write: dict[int, Any] = {}
"""The items of each table before the last write."""


def let_reads_catch_up() -> None:
    """Make the last writes visible to all reads, as if a second had passed."""
    _before_last_write.clear()


@contextmanager
def _reads_one_write_behind(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Make reads miss the last write to their table unless they ask for consistency.

    moto is always consistent, so that nobody would notice a read that does not ask for it. Lists
    read an index, which is never consistent: a test that lists what it has just written first
    calls `let_reads_catch_up`.
    """
    from moto.dynamodb.responses import DynamoHandler

    let_reads_catch_up()

    def tables_of(handler: Any) -> Iterator[Any]:
        body = handler.body
        names = {body.get("TableName"), *body.get("RequestItems", ())}
        for item in body.get("TransactItems", ()):
            names |= {operation.get("TableName") for operation in item.values()}
        for name in names - {None}:
            if table := handler.dynamodb_backend.tables.get(name.rpartition("/")[2]):
                yield table

    def writing(write: Any) -> Any:
        def write_after_copying(self: Any) -> Any:
            copies = {id(table): deepcopy(table.items) for table in tables_of(self)}
            result = write(self)
            # what is refused changes nothing, so earlier writes are still not seen
            _before_last_write.update(copies)
            return result

        return write_after_copying

    def reading(read: Any) -> Any:
        def read_before_the_write(self: Any) -> Any:
            requests = self.body.get("RequestItems") or {self.body.get("TableName"): self.body}
            lagging = {
                table: table.items
                for name, request in requests.items()
                if not request.get("ConsistentRead")
                and (table := self.dynamodb_backend.tables.get(name.rpartition("/")[2]))
                and id(table) in _before_last_write
            }
            try:
                for table in lagging:
                    table.items = _before_last_write[id(table)]
                return read(self)
            finally:
                for table, items in lagging.items():
                    table.items = items

        return read_before_the_write

    for name in (
        "put_item",
        "update_item",
        "delete_item",
        "batch_write_item",
        "transact_write_items",
    ):
        monkeypatch.setattr(DynamoHandler, name, writing(getattr(DynamoHandler, name)))
    for name in ("get_item", "batch_get_item", "query", "scan"):
        monkeypatch.setattr(DynamoHandler, name, reading(getattr(DynamoHandler, name)))
    yield


@contextmanager
def _quick_stacks() -> Iterator[None]:
    """Replace the slow parts of moto's CloudFormation with equivalent ones."""
    # not imported above: it loads moto's models of all services, which takes seconds
    from moto.cloudformation.models import Stack
    from moto.kms import models as kms

    with pytest.MonkeyPatch.context() as patch:
        # it parses every template as YAML; ours is JSON
        patch.setattr(Stack, "parse_template", staticmethod(json.loads))
        # it generates an RSA key for every encrypted table
        patch.setattr(kms, "generate_private_key", _kms_key)
        yield


@cache
def _kms_key(key_spec: str) -> Any:
    from moto.kms.utils import generate_private_key

    return generate_private_key(key_spec)


def create_resources(service: str, stage: str = "local") -> None:
    """Create the resources in ``resources.yaml`` that moto's CloudFormation supports."""
    template = template_of(service)
    lacking = {
        name
        for name, resource in template["Resources"].items()
        if resource["Type"].startswith("AWS::Cognito::")
    }
    for name, resource in list(template["Resources"].items()):
        if name in lacking or any(f"'Ref': '{other}'" in repr(resource) for other in lacking):
            del template["Resources"][name]
    if not template["Resources"]:
        return
    with _quick_stacks():
        client_of("cloudformation").create_stack(
            StackName=f"toyshop-{stage}-{service.replace('_', '-')}-resources",
            TemplateBody=json.dumps(template),
            Parameters=[{"ParameterKey": "Stage", "ParameterValue": stage}],
        )


def create_resources_moto_lacks(service: str, stage: str) -> None:
    """Create the secrets and the user pool, which moto's CloudFormation does not support."""
    for resource in template_of(service)["Resources"].values():
        if resource["Type"] == "AWS::SecretsManager::Secret":
            client_of("secretsmanager").create_secret(
                Name=resource["Properties"]["Name"]["Fn::Sub"].replace("${Stage}", stage),
                SecretString="a key of the tests",
            )
        elif resource["Type"] == "AWS::Cognito::UserPool":
            create_user_pool(service)


@cache
def key_of_pools() -> RSAKey:
    """Return the key that moto signs tokens with."""
    return RSAKey.import_key(load_resource("cognitoidp/resources/jwks-private.json"))


def create_user_pool(service: str) -> None:
    """Create a service's user pool, with its client and groups."""
    cognito = client_of("cognito-idp")
    of_type: dict[str, list[dict[str, Any]]] = {}
    for resource in template_of(service)["Resources"].values():
        of_type.setdefault(resource["Type"], []).append(resource["Properties"])
    [pool] = of_type["AWS::Cognito::UserPool"]
    taken = ("UsernameAttributes", "UsernameConfiguration", "AutoVerifiedAttributes", "Policies")
    key = key_of_pools()
    with pytest.MonkeyPatch.context() as patch:
        # moto parses its key again for each pool, which takes longer than a test
        patch.setattr(RSAKey, "import_key", lambda *_: key)
        pool_id = cognito.create_user_pool(
            PoolName="users", Schema=pool["Schema"], **{name: pool[name] for name in taken}
        )["UserPool"]["Id"]
    for kind, create in {
        "AWS::Cognito::UserPoolClient": cognito.create_user_pool_client,
        "AWS::Cognito::UserPoolGroup": cognito.create_group,
    }.items():
        for properties in of_type[kind]:
            names = {"ClientName": "client"} if "ClientName" in properties else {}
            create(**{**properties, **names, "UserPoolId": pool_id})


def template_of(service: str) -> dict[str, Any]:
    """Return a copy of ``resources.yaml`` of a service."""
    return deepcopy(_parsed(APPS / service / "resources.yaml"))


@cache
def _parsed(path: Path) -> dict[str, Any]:
    template: dict[str, Any] = yaml.safe_load(path.read_text())
    return template


class StreamOf:
    """Builds the stream records of a table by comparing its items with those of the last call.

    Parameters
    ----------
    table
        The table's name.
    """

    def __init__(self, table: str) -> None:
        self._table = table
        self._last: dict[str, Any] = {}
        self._numbers = itertools.count(1)

    def records(self) -> dict[str, Any]:
        """Return the changes since the last call as one batch.

        There must be some: a test that reads the same change twice would assert nothing.
        """
        items = client_of("dynamodb").scan(TableName=self._table, ConsistentRead=True)["Items"]
        now = {item["id"]["S"]: item for item in items}
        records = []
        for key in self._last.keys() | now.keys():
            before, after = self._last.get(key), now.get(key)
            if before == after:
                continue
            images = {"OldImage": before, "NewImage": after}
            records.append(
                {
                    "eventID": f"event-{key}",
                    "eventName": "INSERT" if not before else "MODIFY" if after else "REMOVE",
                    "eventSource": "aws:dynamodb",
                    "awsRegion": REGION,
                    "eventSourceARN": f"arn:aws:dynamodb:{REGION}:{ACCOUNT}:table/{self._table}",
                    "dynamodb": {
                        "Keys": {"id": {"S": key}},
                        "SequenceNumber": f"{next(self._numbers):021}",
                        "SizeBytes": 100,
                        "StreamViewType": "NEW_AND_OLD_IMAGES",
                        **{name: image for name, image in images.items() if image},
                    },
                }
            )
        self._last = now
        assert records, f"{self._table} has not changed since its records were read"
        return {"Records": records}


class TopicSpy:
    """Receives everything that a topic publishes.

    Parameters
    ----------
    topic_arn
        The topic.
    """

    def __init__(self, topic_arn: str) -> None:
        self._sqs = client_of("sqs")
        self._url = self._sqs.create_queue(QueueName="spy")["QueueUrl"]
        attributes = self._sqs.get_queue_attributes(
            QueueUrl=self._url, AttributeNames=["QueueArn"]
        )["Attributes"]
        client_of("sns").subscribe(
            TopicArn=topic_arn,
            Protocol="sqs",
            Endpoint=attributes["QueueArn"],
            Attributes={"RawMessageDelivery": "true"},
        )

    def events(self) -> list[dict[str, Any]]:
        """Return the events published since the last call."""
        events = []
        while batch := self._sqs.receive_message(
            QueueUrl=self._url, MaxNumberOfMessages=10, MessageAttributeNames=["All"]
        ).get("Messages"):
            for message in batch:
                event = json.loads(message["Body"])
                assert message["MessageAttributes"]["type"]["StringValue"] == event["type"]
                events.append(event)
                self._sqs.delete_message(QueueUrl=self._url, ReceiptHandle=message["ReceiptHandle"])
        return events


def parked(queue: str) -> list[dict[str, Any]]:
    """Return the body and the reason of each message in a dead-letter queue."""
    sqs = client_of("sqs")
    url = sqs.get_queue_url(QueueName=queue)["QueueUrl"]
    messages = sqs.receive_message(
        QueueUrl=url, MaxNumberOfMessages=10, MessageAttributeNames=["All"], VisibilityTimeout=0
    ).get("Messages", [])
    return [
        {
            "body": json.loads(message["Body"]),
            "reason": message["MessageAttributes"]["reason"]["StringValue"],
        }
        for message in messages
    ]
