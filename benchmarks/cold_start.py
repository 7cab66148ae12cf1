"""Measures the cold start and the warm CPU of each packaged function against a canned AWS.

    python benchmarks/cold_start.py [--baseline DIRECTORY] [--rounds N] [--json FILE]

Each function is started in a fresh process of its packaged zip, with byte-code, and answers one
real event: an API request, a batch of a stream, a message of SNS or SQS, a schedule. Between them
runs a bare boto3 handler that gets one item, packaged in the same way. ``--baseline`` names a
directory with the packages of another commit (``./shop package``-like zips, one per service), which
are measured in the same rounds. All ratios are medians of the ratios of single rounds; the spread
is that of the middle half.

Run it with the Python of ``./shop`` (``.venv/bin/python``), which has what packaging needs.
"""

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
import zipfile
from base64 import urlsafe_b64encode
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

ROOT = Path(__file__).resolve().parents[1]
HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(ROOT / "tools"))

BARE = """
import json, os, uuid
import boto3

dynamodb = boto3.client("dynamodb")
TABLE = os.environ["BARE_TABLE"]


def get(event, context):
    key = {"id": {"S": event["pathParameters"]["id"]}}
    item = dynamodb.get_item(TableName=TABLE, Key=key)["Item"]
    return {"statusCode": 200, "body": json.dumps(item)}


def put(event, context):
    order = json.loads(event["body"])
    item = {"id": {"S": str(uuid.uuid4())}, "order": {"S": json.dumps(order)}, "v": {"N": "1"}}
    condition = "attribute_not_exists(id)"
    dynamodb.put_item(TableName=TABLE, Item=item, ConditionExpression=condition)
    return {"statusCode": 201, "body": json.dumps(item)}


def list_items(event, context):
    found = dynamodb.query(
        TableName=TABLE,
        IndexName="all",
        KeyConditionExpression="#k = :k",
        ExpressionAttributeNames={"#k": "listing"},
        ExpressionAttributeValues={":k": {"S": "all"}},
        Limit=20,
    )
    return {"statusCode": 200, "body": json.dumps(found["Items"])}
"""
FLOOR = """
import gc

gc.disable()

import pynamodb.models


def get(event, context):
    return {"statusCode": 200, "body": "{}"}
"""
"""What a function that stores records with PynamoDB cannot take less than."""
FLOOR_NAME = "the floor: importing PynamoDB"
TOY = {
    "name": "Wooden train",
    "description": "A train of beech wood with three wagons, for small hands. " * 4,
    "category": "vehicles",
    "brand": "Holzbahn",
    "price": {"amount": 2999, "currency": "AUD"},
    "min_age": 3,
    "attributes": {"color": "red", "material": "wood"},
}
ORDER = {
    "customer_id": "cus_1",
    "idempotency_key": "benchmark-1",
    "fingerprint": "0" * 64,
    "contact": {"email": "a@example.com", "name": "A"},
    "lines": [
        {
            "toy_id": "toy_1",
            "name": "Kite",
            "quantity": 2,
            "unit_price": {"amount": 1250, "currency": "AUD"},
        }
    ],
    "shipping_address": {
        "name": "A", "line1": "1 High Street", "city": "Sydney", "region": "NSW",
        "postal_code": "2000", "country": "AU",
    },
    "payment_method": "pm_card_visa",
}  # fmt: skip


def request(
    method: str,
    resource: str,
    path: dict[str, str] | None = None,
    body: Any = None,
    query: dict[str, str] | None = None,
) -> dict[str, Any]:
    """Return the event of an API request, as API Gateway passes it on."""
    url = resource.format_map(path or {})
    headers = {
        "Accept": "application/json",
        "Authorization": "AWS4-HMAC-SHA256 Credential=AKID/20261129/us-east-1/execute-api/"
        "aws4_request, SignedHeaders=host;x-amz-date, Signature=" + "0" * 64,
        "Content-Type": "application/json",
        "Host": "abcdefghij.execute-api.us-east-1.amazonaws.com",
        "X-Amz-Date": "20261129T120000Z",
        "traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
    }
    return {
        "resource": resource,
        "path": url,
        "httpMethod": method,
        "headers": headers,
        "multiValueHeaders": {name: [value] for name, value in headers.items()},
        "pathParameters": path,
        "queryStringParameters": query,
        "multiValueQueryStringParameters": query and {k: [v] for k, v in query.items()},
        "stageVariables": None,
        "requestContext": {
            "resourcePath": resource,
            "httpMethod": method,
            "stage": "api",
            "path": f"/api{url}",
            "requestId": "00000000-0000-0000-0000-000000000000",
            "identity": {"sourceIp": "192.0.2.1", "userArn": "arn:aws:sts::0:assumed-role/a/b"},
            "authorizer": {},
        },
        "body": None if body is None else json.dumps(body),
        "isBase64Encoded": False,
    }


def stream(item: Any) -> dict[str, Any]:
    """Return the event of a stream for a new item."""
    return {
        "Records": [
            {
                "eventID": "1",
                "eventName": "INSERT",
                "eventSource": "aws:dynamodb",
                "awsRegion": "us-east-1",
                "eventSourceARN": "arn:aws:dynamodb:us-east-1:000000000000:table/t",
                "dynamodb": {
                    "Keys": {"id": item["id"]},
                    "NewImage": item,
                    "SequenceNumber": "1",
                    "SizeBytes": 100,
                    "StreamViewType": "NEW_AND_OLD_IMAGES",
                },
            }
        ]
    }


def sns(message: str) -> dict[str, Any]:
    """Return the event of SNS for a message."""
    record = {"Message": message, "Subject": None, "MessageAttributes": {}}
    return {"Records": [{"EventSource": "aws:sns", "Sns": record}]}


def sqs(body: str) -> dict[str, Any]:
    """Return the event of SQS for a message."""
    record = {
        "messageId": "m",
        "receiptHandle": "r",
        "body": body,
        "attributes": {"ApproximateReceiveCount": "1"},
        "messageAttributes": {},
        "eventSource": "aws:sqs",
        "eventSourceARN": "arn:aws:sqs:us-east-1:000000000000:q",
        "awsRegion": "us-east-1",
    }
    return {"Records": [record]}


def schedule() -> dict[str, Any]:
    """Return the event of a schedule."""
    return {
        "version": "0", "id": "1", "detail-type": "Scheduled Event", "source": "aws.events",
        "account": "000000000000", "time": "2026-11-29T12:00:00Z", "region": "us-east-1",
        "resources": [], "detail": {},
    }  # fmt: skip


def build(directory: Path) -> Path:
    """Package all services of this checkout as `./shop` does for this machine."""
    from shopctl.packaging.package import build as package
    from shopctl.project import services as declared
    from shopctl.project.layout import Layout

    layout = Layout.find()
    directory.mkdir(parents=True, exist_ok=True)
    for service in declared.load(layout.apps, ()):
        archive = package(service, "local", layout).archive
        shutil.copyfile(archive, directory / f"{service.name}.zip")
    return directory


def bare_boto3(directory: Path) -> Path:
    """Package the bare boto3 handlers with the same treatment: byte-code, one service's model."""
    from shopctl.packaging import dependencies
    from shopctl.project.layout import Layout

    layout = Layout.find()
    requirements = directory.with_suffix(".txt")
    requirements.write_text("boto3\n")
    tree = dependencies.install(
        requirements, layout.dependencies, lock=layout.lock, for_lambda=False
    )
    shutil.copytree(tree, directory)
    for data in (directory / "botocore/data", directory / "boto3/data"):
        for model in data.iterdir():
            if model.is_dir() and model.name != "dynamodb":
                shutil.rmtree(model)
    (directory / "app.py").write_text(BARE)
    dependencies.compile_tree(directory, reproducible=False)
    return directory


class Functions:
    """The packaged functions of a set of zips, and how they are called.

    Parameters
    ----------
    zips
        Directory with a zip per service.
    folder
        Directory to unpack them in.
    port
        Port of the canned AWS.
    gateway
        Port of the gateway simulator.
    """

    def __init__(self, zips: Path, folder: Path, port: int, gateway: int) -> None:
        self.folder = folder
        self._port = port
        self._environ: dict[str, dict[str, str]] = {}
        for archive in sorted(zips.glob("*.zip")):
            with zipfile.ZipFile(archive) as zipped:
                zipped.extractall(folder / archive.stem)
            config = json.loads((ROOT / "apps" / archive.stem / ".chalice/config.json").read_text())
            variables = config["stages"]["local"]["environment_variables"]
            self._environ[archive.stem] = {
                name: value.replace("127.0.0.1:4566", f"127.0.0.1:{port}")
                for name, value in variables.items()
            } | {"STRIPE_API_BASE": f"http://127.0.0.1:{gateway}"}

    def environ(self, service: str) -> dict[str, str]:
        """Return the environment variables of a service."""
        return self._environ[service]

    def has(self, service: str, handler: str) -> bool:
        """Return whether a service has a function; an earlier release may lack it."""
        return f"def {handler}(" in (self.folder / service / "app.py").read_text()

    def run(self, service: str, handler: str, *events: Any, warm: int = 0) -> dict[str, Any]:
        """Call a function in a fresh process and return the measurement."""
        urllib.request.urlopen(f"http://127.0.0.1:{self._port}/forget").close()
        return run_process(
            self.folder / service, handler, events, self._environ[service], warm=warm
        )


def run_process(
    folder: Path, handler: str, events: Any, environ: dict[str, str], warm: int = 0
) -> dict[str, Any]:
    """Call a handler of ``app.py`` in a fresh process and return the measurement.

    Raises
    ------
    RuntimeError
        If the process fails, or an answer says that the work was not done.
    """
    with tempfile.NamedTemporaryFile("w", suffix=".json") as file:
        json.dump(events, file)
        file.flush()
        # a package is read-only in Lambda, so no process leaves byte-code to the next one
        command = [sys.executable, "-ESB", str(HERE / "one_function.py"), str(folder), handler]
        done = subprocess.run(
            [*command, file.name, str(warm)],
            env={
                "PATH": os.environ["PATH"],
                "AWS_LAMBDA_FUNCTION_NAME": "benchmark",
                # spans are sent, and nobody receives them
                "AWS_XRAY_DAEMON_ADDRESS": "127.0.0.1:9",
                **environ,
                "STARTED": str(time.time()),
            },
            capture_output=True,
            text=True,
            check=False,
        )
    if done.returncode:
        raise RuntimeError(f"{folder.name}.{handler}: {done.stderr[-2000:]}")
    result: dict[str, Any] = json.loads(done.stdout)
    for answer in result["answers"]:
        if isinstance(answer, dict) and (
            answer.get("statusCode", 200) >= 300 or answer.get("batchItemFailures")
        ):
            raise RuntimeError(f"{folder.name}.{handler}: {answer}")
    return result


@contextmanager
def servers(folder: Path) -> Iterator[tuple[int, int]]:
    """Start the canned AWS and the gateway simulator; yield their ports."""
    import socket

    with socket.create_server(("127.0.0.1", 0)) as unused:
        gateway = unused.getsockname()[1]
    canned = subprocess.Popen(
        [sys.executable, str(HERE / "canned_aws.py")], stdout=subprocess.PIPE, text=True,
        stdin=subprocess.PIPE,
    )  # fmt: skip
    simulator = subprocess.Popen(
        [sys.executable, "-m", "gateway_simulator", "--port", str(gateway), "--state", str(folder)],
        env={**os.environ, "PYTHONPATH": str(ROOT / "tools")},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        assert canned.stdout is not None
        yield int(canned.stdout.readline()), gateway
    finally:
        for process in (canned, simulator):
            process.terminate()
            process.wait()


def answer_of(result: dict[str, Any], index: int = 0) -> Any:
    """Return the JSON body of an API answer, which must be a success."""
    answer = result["answers"][index]
    if answer["statusCode"] >= 300:
        raise RuntimeError(str(answer))
    return json.loads(answer["body"])


def recorded(port: int) -> Any:
    """Return what the canned AWS has recorded."""
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/recorded") as answer:
        return json.load(answer)


def can(port: int, path: str, document: Any) -> None:
    """Make the canned AWS answer a path with a document."""
    body = json.dumps(document).encode()
    urllib.request.urlopen(f"http://127.0.0.1:{port}/canned{path}", data=body).close()


def prepare(functions: Functions, port: int) -> dict[str, tuple[str, str, Any]]:
    """Let the functions write what they read later; return service, handler and event by name."""
    toys = [{**TOY, "name": f"Wooden train {number}"} for number in range(25)]
    created = functions.run("toys", "app", *(request("POST", "/toys", body=toy) for toy in toys))
    toy = answer_of(created)
    can(port, f"/restapis/toyshop-local-toys/api/_user_request_/toys/{toy['id']}", toy)
    if functions.has("toys", "save_snapshot"):
        functions.run("toys", "save_snapshot", schedule())
    placed = functions.run(
        "orders",
        "app",
        *(
            request("POST", "/orders", body={**ORDER, "idempotency_key": f"k{number}"})
            for number in range(25)
        ),
    )
    order = answer_of(placed)
    tables = recorded(port)["tables"]
    toy_item = tables["toyshop-local-toys"][json.dumps({"id": {"S": toy["id"]}})]
    [order_item] = [
        item for item in tables["toyshop-local-orders"].values() if item["id"]["S"] == order["id"]
    ]
    functions.run("orders", "on_dynamodb_record", stream(order_item))
    order_placed = recorded(port)["messages"][-1]
    functions.run("payments", "charge", sns(order_placed))
    transaction = next(iter(recorded(port)["tables"]["toyshop-local-payments"].values()))
    functions.run("payments", "on_dynamodb_record", stream(transaction))
    payment_succeeded = recorded(port)["messages"][-1]
    file_id = "fil_01KB7000000000000000000000"
    pdf = "JVBERi0xLjcKJSVFT0YK"
    document = {
        "subject": order["id"], "content_type": "application/pdf", "filename": "r.pdf",
        "content": pdf,
    }  # fmt: skip

    def archive(file_id: str) -> dict[str, Any]:
        return request("PUT", "/documents/{file_id}", {"file_id": file_id}, document)

    answer_of(functions.run("file_manager", "app", archive(file_id)))
    file = next(iter(recorded(port)["tables"]["toyshop-local-file-manager"].values()))
    email = {
        "to": "a@example.com",
        "name": "A",
        "template": "payment_succeeded",
        "order": {"order_id": order["id"], "total": order["total"], "lines": order["lines"]},
    }
    ready = {
        "specversion": "1.0", "id": "fil_1.2.shop.file.ready.v1", "source": "/file_manager",
        "type": "shop.file.ready.v1", "subject": "fil_1", "time": "2026-11-29T12:00:00Z",
        "datacontenttype": "application/json",
        "data": {"id": "fil_1", "subject": toy["id"], "url": "/files/fil_1", "alt": "A train",
                 "content_type": "image/png"},
    }  # fmt: skip
    again = {
        "specversion": "1.0", "id": "txn_1.3.shop.payment.retried.v1", "source": "/payments",
        "type": "shop.payment.retried.v1", "subject": order["id"], "time": "2026-11-29T12:00:00Z",
        "datacontenttype": "application/json",
        "data": {"transaction_id": transaction["id"]["S"], "order_id": order["id"],
                 "customer_id": "cus_1", "attempt": 2, "requested_at": "2026-11-29T12:00:00Z"},
    }  # fmt: skip
    upload = {"Records": [{"s3": {"object": {"key": "incoming/fil_01KB7000000000000000000009"}}}]}
    lookup = {"ids": [file_id]}
    found = {
        "toys GET /toys/{id}": (
            "toys", "app", request("GET", "/toys/{toy_id}", {"toy_id": toy["id"]}),
        ),
        "toys GET /toys?limit=20": (
            "toys", "app", request("GET", "/toys", query={"limit": "20"}),
        ),
        "toys log_bypassed": ("toys", "log_bypassed", stream(toy_item)),
        "toys save_snapshot": ("toys", "save_snapshot", schedule()),
        "toys images": ("toys", "images", sns(json.dumps(ready))),
        "toys images_retry": ("toys", "images_retry", sqs(json.dumps(ready))),
        "orders POST /orders": ("orders", "app", request("POST", "/orders", body=ORDER)),
        "orders GET /orders?limit=20": (
            "orders", "app",
            request("GET", "/orders", query={"limit": "20", "customer_id": "cus_1"}),
        ),
        "orders on_dynamodb_record": ("orders", "on_dynamodb_record", stream(order_item)),
        "payments POST /transactions/lookup": (
            "payments", "app",
            request("POST", "/transactions/lookup", body={"order_ids": [order["id"]]}),
        ),
        "payments charge": ("payments", "charge", sns(order_placed)),
        "payments charge_again": ("payments", "charge_again", sns(json.dumps(again))),
        "payments charge_retry": ("payments", "charge_retry", sqs(order_placed)),
        "payments on_dynamodb_record": ("payments", "on_dynamodb_record", stream(transaction)),
        "payments fulfil": ("payments", "fulfil", sns(payment_succeeded)),
        "payments fulfil_retry": ("payments", "fulfil_retry", sqs(payment_succeeded)),
        "file_manager POST /files/lookup": (
            "file_manager", "app", request("POST", "/files/lookup", body=lookup),
        ),
        "file_manager PUT /documents/{id}": (
            "file_manager", "app", archive("fil_01KB7000000000000000000NEW"),
        ),
        "file_manager on_dynamodb_record": ("file_manager", "on_dynamodb_record", stream(file)),
        "file_manager on_s3_event, deleted file": (
            "file_manager", "on_s3_event", sqs(json.dumps(upload)),
        ),
        "notifications PUT /messages/{id}": (
            "notifications", "app",
            request(
                "PUT", "/messages/{message_id}",
                {"message_id": "msg_01KB7000000000000000000NEW"}, email,
            ),
        ),
        "storefront_api GET /toys/{id}": (
            "storefront_api", "app", request("GET", "/toys/{toy_id}", {"toy_id": toy["id"]}),
        ),
        "storefront_api jwt_authorizer, forged token": (
            "storefront_api", "jwt_authorizer", forged_token(functions, port),
        ),
        "storefront_api cancel_expired": ("storefront_api", "cancel_expired", schedule()),
        "storefront_api reconcile": ("storefront_api", "reconcile", schedule()),
    }  # fmt: skip
    return {
        name: call
        for name, call in found.items()
        if call[1] == "app" or functions.has(call[0], call[1])
    }


def forged_token(functions: Functions, port: int) -> dict[str, Any]:
    """Return the event of an authorizer with a token that someone else has signed.

    It takes as long to reject as a valid one takes to accept, and needs no private key.
    """

    def encoded(data: bytes) -> str:
        return urlsafe_b64encode(data).decode().rstrip("=")

    key = {"kty": "RSA", "alg": "RS256", "use": "sig", "kid": "k", "e": "AQAB"}
    key["n"] = encoded((2**2047 + 1).to_bytes(256, "big"))
    can(port, urlsplit(functions.environ("storefront_api")["JWKS_URL"]).path, {"keys": [key]})
    parts = (b'{"alg": "RS256", "kid": "k"}', b'{"sub": "cus_1"}', bytes([1]) * 256)
    return {
        "type": "TOKEN",
        "authorizationToken": "Bearer " + ".".join(map(encoded, parts)),
        "methodArn": "arn:aws:execute-api:us-east-1:000000000000:a/api/GET/orders",
    }


WARM = {
    "toys GET /toys/{id}": "get",
    "orders POST /orders": "put",
    "toys GET /toys?limit=20": "list_items",
    "orders GET /orders?limit=20": "list_items",
}
"""Functions whose warm CPU is measured, with the bare boto3 handler beside them."""


def measure(baseline: Path | None, rounds: int, warm: int, only: str = "") -> dict[str, Any]:
    """Measure the functions whose names contain ``only`` in interleaved rounds."""
    with tempfile.TemporaryDirectory() as name, tempfile.TemporaryDirectory() as state:
        folder = Path(name)
        bare = bare_boto3(folder / "bare")
        sets = {"now": build(folder / "zips")} | ({"baseline": baseline} if baseline else {})
        samples: dict[str, list[dict[str, Any]]] = {}
        with ExitStack() as started:
            functions, calls = {}, {}
            for label, zips in sets.items():
                (Path(state) / label).mkdir()
                port, gateway = started.enter_context(servers(Path(state) / label))
                functions[label] = Functions(zips, folder / label, port, gateway)
                calls[label] = prepare(functions[label], port)
            item = next(iter(recorded(port)["tables"]["toyshop-local-toys"].values()))
            bare_environ = {
                "AWS_ENDPOINT_URL": f"http://127.0.0.1:{port}",
                "AWS_DEFAULT_REGION": "us-east-1",
                "AWS_ACCESS_KEY_ID": "000000000000",
                "AWS_SECRET_ACCESS_KEY": "local",
                "BARE_TABLE": "bare",
            }
            seed_bare(bare, bare_environ, item)
            floor = floor_of(functions["now"].folder / "toys", folder / "floor")
            event = request("GET", "/{id}", {"id": item["id"]["S"]})
            event["body"] = json.dumps(ORDER)
            for number in range(rounds + 1):
                for name in (each for each in calls["now"] if only in each):
                    entry: dict[str, Any] = {}
                    kind = WARM.get(name)
                    entry["bare"] = run_process(
                        bare, kind or "get", [event], bare_environ, warm if kind else 0
                    )
                    for label, one in functions.items():
                        if name in calls[label]:
                            service, handler, call = calls[label][name]
                            try:
                                entry[label] = one.run(
                                    service, handler, call, warm=warm if kind else 0
                                )
                            except RuntimeError:
                                # the API of the baseline may be another one
                                if label == "now":
                                    raise
                    # the first round fills the caches of the file system
                    if number:
                        samples.setdefault(name, []).append(entry)
                lowest = {
                    "bare": run_process(bare, "get", [event], bare_environ),
                    "now": run_process(floor, "get", [event], bare_environ),
                }
                if number:
                    samples.setdefault(FLOOR_NAME, []).append(lowest)
        return {name: summary(entries) for name, entries in samples.items()}


def floor_of(package: Path, directory: Path) -> Path:
    """Copy a package, with a handler that only imports PynamoDB."""
    shutil.copytree(package, directory, ignore=shutil.ignore_patterns("app.*"))
    (directory / "app.py").write_text(FLOOR)
    return directory


def seed_bare(bare: Path, environ: dict[str, str], item: Any) -> None:
    """Store 25 copies of an item of a toy in the table of the bare handlers."""
    code = (
        "import sys, json; sys.path.insert(0, sys.argv[1]); import app\n"
        "item = json.loads(sys.argv[2])\n"
        "for n in range(25):\n"
        "    one = dict(item, listing={'S': 'all'})\n"
        "    if n: one['id'] = {'S': f'toy_{n}'}\n"
        "    app.dynamodb.put_item(TableName=app.TABLE, Item=one)\n"
    )
    subprocess.run(
        [sys.executable, "-c", code, str(bare), json.dumps(item)],
        env={"PATH": os.environ["PATH"], **environ},
        check=True,
    )


def summary(entries: list[dict[str, Any]]) -> dict[str, Any]:
    """Return medians, and the medians and middle halves of per-round ratios."""
    result: dict[str, Any] = {}
    for measure_name in ("wall", "cpu", "warm"):
        if entries[0]["now"][measure_name] is None:
            continue
        result[measure_name] = {
            label: round(statistics.median(one[label][measure_name] for one in entries) * 1000, 2)
            for label in entries[0]
        }
        for other in ("bare", "baseline"):
            if other in entries[0]:
                ratios = [one["now"][measure_name] / one[other][measure_name] for one in entries]
                low, middle, high = (
                    statistics.quantiles(ratios, n=4) if len(ratios) > 1 else ratios * 3
                )
                result[measure_name][f"/{other}"] = [round(x, 2) for x in (low, middle, high)]
    result["botocore"] = entries[0]["now"]["botocore"]
    return result


def main() -> None:
    """Measure, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--baseline", type=Path, help="directory with packages of another commit")
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--warm", type=int, default=200, help="warm calls in each round")
    parser.add_argument("--only", default="", help="measure functions whose name contains this")
    parser.add_argument("--json", type=Path, help="file to write the figures to")
    options = parser.parse_args()
    result = measure(options.baseline, options.rounds, options.warm, options.only)
    for name, figures in result.items():
        for kind in ("wall", "cpu", "warm"):
            if kind in figures:
                print(f"{name:38} {kind:5} {figures[kind]}")
    if options.json:
        options.json.write_text(json.dumps(result, indent=2) + "\n")


if __name__ == "__main__":
    main()
