"""The embedded AWS as a process, and functions for it."""

import contextlib
import io
import json
import sqlite3
import subprocess
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

import embedded_aws
from shopctl.aws.clients import Cloud
from shopctl.local import activity, environment, processes
from shopctl.project.layout import Layout
from shopctl.project.running_shop import Process
from support.http import http
from support.ports import free_port

FAILING = """
def handler(event, context):
    print("called")
    raise RuntimeError("planted")
"""


RECORDING = """
import json
def handler(event, context):
    print("seen " + json.dumps(event))
"""


SHARING = """
import os, random
imported_by = os.getpid()
random.random()
def handler(event, context):
    name = os.environ["AWS_LAMBDA_FUNCTION_NAME"]
    process = os.getpid()
    return dict(imported_by=imported_by, process=process, name=name, random=random.random())
"""


PUBLISHING = """
import boto3
def handler(event, context):
    topic = "arn:aws:sns:us-east-1:000000000000:guarded"
    entries = [{"Id": "1", "Message": "m"}]
    boto3.client("sns").publish_batch(TopicArn=topic, PublishBatchRequestEntries=entries)
    return "published"
"""


SENDING = """
import boto3
def handler(event, context):
    boto3.client("sesv2").send_email(
        FromEmailAddress="Shop <orders@shop.example>",
        Destination={"ToAddresses": ["a@example.com"]},
        Content={"Raw": {"Data": b"Subject: s\\r\\n\\r\\ntext"}},
    )
"""


COUNTING = """
import os
calls = 0
def handler(event, context):
    global calls
    calls += 1
    if event.get("fail"):
        raise ValueError("planted")
    return [os.getpid(), calls]
"""


@dataclass
class EmbeddedAws:
    """An embedded AWS on a free port; ``restart`` keeps its data."""

    home: Path
    python: Path
    options: tuple[str, ...] = ()
    process: Process | None = None
    cloud: Cloud = field(init=False)

    def start(self) -> None:
        port = free_port()
        self.process = processes.start(
            "aws",
            [
                *(str(self.python), embedded_aws.__path__[0], "--port", str(port)),
                *("--home", str(self.home), *self.options),
            ],
            port=port,
            log=self.home / "aws.log",
            environment=environment.variables(LAMBDA_ASYNC_RETRY_BASE_SECONDS="0.2"),
        )
        url = self.process.url
        activity.wait_until_answers(f"{url}/_toyshop/activity", "aws.log", gone=lambda: False)
        self.cloud = Cloud("test", url)

    def stop(self) -> None:
        assert self.process
        assert processes.stop(self.process), "it stops by itself"

    def restart(self) -> None:
        self.stop()
        self.start()

    def run_inside(self, script: str) -> Any:
        """Return the JSON that a script prints which imports modules of the embedded AWS."""
        path = f"import sys; sys.path.insert(0, {str(Path(embedded_aws.__path__[0]).parent)!r})\n"
        done = subprocess.run(
            [str(self.python), "-c", path + script], capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout.splitlines()[-1])

    def client(self, service: str) -> Any:
        return self.cloud.client(service)

    def function(self, name: str, source: str, role: str = "any") -> str:
        code = io.BytesIO()
        with zipfile.ZipFile(code, "w") as archive:
            archive.writestr(zipfile.ZipInfo("app.py"), source)
        created = self.client("lambda").create_function(
            FunctionName=name,
            Runtime="python3.11",
            Handler="app.handler",
            Role=f"arn:aws:iam::000000000000:role/{role}",
            Code={"ZipFile": code.getvalue()},
        )
        return str(created["FunctionArn"])

    def role(self, name: str, action: str, resource: str) -> None:
        iam = self.client("iam")
        trust = {"Effect": "Allow", "Action": "sts:AssumeRole"}
        trusted = {**trust, "Principal": {"Service": "lambda.amazonaws.com"}}
        iam.create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(_policy(trusted)))
        allowed = {"Effect": "Allow", "Action": action, "Resource": resource}
        document = json.dumps(_policy(allowed))
        iam.put_role_policy(RoleName=name, PolicyName="it", PolicyDocument=document)

    def queue(self, name: str) -> str:
        self.client("sqs").create_queue(QueueName=name)
        return f"arn:aws:sqs:us-east-1:000000000000:{name}"

    def messages(self, queue: str) -> list[Any]:
        sqs = self.client("sqs")
        url = sqs.get_queue_url(QueueName=queue)["QueueUrl"]
        received = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10)
        return [json.loads(message["Body"]) for message in received.get("Messages", [])]

    def topic(self, name: str, function: str, **attributes: str) -> str:
        sns = self.client("sns")
        topic = str(sns.create_topic(Name=name)["TopicArn"])
        sns.subscribe(TopicArn=topic, Protocol="lambda", Endpoint=function, Attributes=attributes)
        return topic

    def log(self, function: str) -> list[str]:
        return [line for (line,) in self.stored("line", "logs WHERE function = ?", function)]

    def stored(self, columns: str, source: str, *values: Any) -> list[Any]:
        """Return columns of the telemetry store's rows, in the order of their arrival."""
        if self.process and self.process.is_alive():
            http("POST", f"{self.process.url}/_toyshop/flush-telemetry")
        with contextlib.closing(sqlite3.connect(self.home / "telemetry.db")) as database:
            query = f"SELECT {columns} FROM {source} ORDER BY rowid"
            return database.execute(query, values).fetchall()

    def seen(self, function: str) -> list[Any]:
        lines = [line for line in self.log(function) if line.startswith("seen ")]
        return [json.loads(line.removeprefix("seen ")) for line in lines]


@pytest.fixture(scope="module")
def aws(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedAws]:
    layout = Layout.find()
    environment.prepare_aws(layout)
    embedded = EmbeddedAws(tmp_path_factory.mktemp("aws"), layout.aws_python)
    embedded.start()
    yield embedded
    embedded.stop()


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedAws]:
    """Start an embedded AWS that enforces IAM."""
    layout = Layout.find()
    environment.prepare_aws(layout)
    home = tmp_path_factory.mktemp("guarded")
    embedded = EmbeddedAws(home, layout.aws_python, options=("--auth",))
    embedded.start()
    yield embedded
    embedded.stop()


def _policy(statement: dict[str, Any]) -> dict[str, Any]:
    return {"Version": "2012-10-17", "Statement": [statement]}


def _table(aws: EmbeddedAws, name: str) -> str:
    created = aws.client("dynamodb").create_table(
        TableName=name,
        BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        StreamSpecification={"StreamEnabled": True, "StreamViewType": "NEW_AND_OLD_IMAGES"},
    )
    return str(created["TableDescription"]["LatestStreamArn"])
