"""The chassis's AWS client sends, returns and raises what botocore's does.

Both call a server on the loopback interface with the same canned responses, for every operation
that the chassis's client knows and every error that the services handle.
"""

import json
import re
import socket
import threading
import time
import zlib
from base64 import b64encode
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import parse_qsl

import botocore.exceptions
import botocore.session
import pytest
import time_machine
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.endpoint_provider import EndpointProvider
from urllib3.connection import HTTPConnection

from chassis import aws, aws_client, signing
from chassis.aws_client import SERVICES, AwsClient
from chassis.credentials import Credentials
from chassis.s3_client import S3Client
from shopctl.local import environment

Params = dict[str, Any]
ITEM = {"id": {"S": "toy_1"}, "n": {"N": "1.50"}, "l": {"L": [{"BOOL": True}, {"NULL": True}]}}
BINARY = {
    "id": {"S": "x"},
    "b": {"B": b"\x00\xff"},
    "bs": {"BS": [b"1", b"\xfe"]},
    "m": {"M": {"B": {"S": "not binary"}, "inner": {"M": {"B": {"B": b"deep"}}}}},
}
WIRED = {
    "id": {"S": "x"},
    "b": {"B": "AP8="},
    "bs": {"BS": ["MQ==", "/g=="]},
    "m": {"M": {"B": {"S": "not binary"}, "inner": {"M": {"B": {"B": "ZGVlcA=="}}}}},
}
KEY = {"id": {"S": "toy_1"}}
CAPACITY = {"TableName": "t", "CapacityUnits": 0.5}
SNS = "http://sns.amazonaws.com/doc/2010-03-31/"
QUEUE = {"QueueUrl": "https://sqs.us-east-1.amazonaws.com/000000000000/q"}
USER = {"UserPoolId": "us-east-1_a", "Username": "zoë@example.com"}
CLIENT = {"ClientId": "client", "Username": "zoë@example.com"}
DELIVERY = {
    "CodeDeliveryDetails": {
        "Destination": "z***",
        "DeliveryMedium": "EMAIL",
        "AttributeName": "email",
    }
}


class Canned(NamedTuple):
    """A response of AWS."""

    body: bytes = b"{}"
    status: int = 200
    headers: dict[str, str] = {}


def canned(document: Any, status: int = 200, **headers: str) -> Canned:
    if isinstance(document, Canned):
        return document
    body = document if isinstance(document, bytes) else json.dumps(document).encode()
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Canned(body, status, {"x-amzn-requestid": "request-1", **named})


PUBLISHED = f"""<PublishBatchResponse xmlns="{SNS}"><PublishBatchResult>
<Failed><member><Id>1</Id><Code>InternalError</Code><Message>a &lt; b</Message>
<SenderFault>false</SenderFault></member></Failed>
<Successful><member><Id>0</Id><MessageId>m-0</MessageId></member></Successful>
</PublishBatchResult><ResponseMetadata><RequestId>request-2</RequestId></ResponseMetadata>
</PublishBatchResponse>""".encode()

OBJECT = {"Bucket": "toyshop-private", "Key": "documents/fil_1"}
S3_IDS = {"x-amz-request-id": "request-4", "x-amz-id-2": "host-4"}

CALLS: list[tuple[str, str, Params, Any]] = [
    ("dynamodb", "GetItem", {"TableName": "t", "Key": KEY, "ConsistentRead": True},
     {"Item": ITEM, "ConsumedCapacity": CAPACITY}),
    ("dynamodb", "GetItem", {"TableName": "t", "Key": KEY}, {}),
    ("dynamodb", "GetItem", {"TableName": "t", "Key": KEY}, {"Item": WIRED}),
    ("dynamodb", "PutItem",
     {"TableName": "t", "Item": {**ITEM, "name": {"S": "Zoë 🪁 \u2028"}},
      "ConditionExpression": "attribute_not_exists (#0)",
      "ExpressionAttributeNames": {"#0": "id"}, "ReturnConsumedCapacity": "TOTAL"},
     {"ConsumedCapacity": CAPACITY}),
    ("dynamodb", "PutItem", {"TableName": "t", "Item": BINARY}, {}),
    ("dynamodb", "UpdateItem",
     {"TableName": "t", "Key": KEY, "UpdateExpression": "SET #0 = :0", "ReturnValues": "ALL_NEW",
      "ExpressionAttributeNames": {"#0": "n"}, "ExpressionAttributeValues": {":0": {"N": "2"}}},
     {"Attributes": ITEM}),
    ("dynamodb", "DeleteItem", {"TableName": "t", "Key": KEY}, {"Attributes": ITEM}),
    ("dynamodb", "Query",
     {"TableName": "t", "IndexName": "index", "KeyConditionExpression": "#0 = :0", "Limit": 20,
      "ExpressionAttributeNames": {"#0": "k"}, "ExpressionAttributeValues": {":0": {"S": "a"}},
      "ScanIndexForward": False, "ExclusiveStartKey": KEY},
     {"Items": [ITEM, WIRED], "Count": 2, "ScannedCount": 2, "LastEvaluatedKey": KEY}),
    ("dynamodb", "Scan", {"TableName": "t"}, {"Items": [], "Count": 0, "ScannedCount": 0}),
    ("dynamodb", "BatchGetItem", {"RequestItems": {"B": {"Keys": [KEY], "ConsistentRead": True}}},
     {"Responses": {"B": [ITEM]}, "UnprocessedKeys": {"BS": {"Keys": [KEY]}}}),
    ("dynamodb", "BatchWriteItem", {"RequestItems": {"t": [{"PutRequest": {"Item": BINARY}}]}},
     {"UnprocessedItems": {"t": [{"PutRequest": {"Item": WIRED}}]}}),
    ("dynamodb", "TransactGetItems",
     {"TransactItems": [{"Get": {"TableName": "t", "Key": KEY}}]}, {"Responses": [{"Item": ITEM}]}),
    ("dynamodb", "TransactWriteItems",
     {"TransactItems": [{"Put": {"TableName": "t", "Item": ITEM}}], "ClientRequestToken": "once"},
     {}),
    ("sqs", "SendMessage",
     {**QUEUE, "MessageBody": '{"a": "é"}',
      "MessageAttributes": {"reason": {"DataType": "String", "StringValue": "poison: é"}}},
     {"MessageId": "m", "MD5OfMessageBody": "1"}),
    ("sqs", "ChangeMessageVisibility",
     {**QUEUE, "ReceiptHandle": "r", "VisibilityTimeout": 30}, b""),
    ("sns", "PublishBatch",
     {"TopicArn": "arn:aws:sns:us-east-1:000000000000:t",
      "PublishBatchRequestEntries": [
          {"Id": "0", "Message": '{"name": "Zoë & Co + 1"}',
           "MessageAttributes": {"type": {"DataType": "String", "StringValue": "shop.a.v1"},
                                 "raw": {"DataType": "Binary", "BinaryValue": b"\x00\xff"}}},
          {"Id": "1", "Message": "plain"}]},
     PUBLISHED),
    ("secretsmanager", "GetSecretValue", {"SecretId": "s", "VersionStage": "AWSPREVIOUS"},
     {"Name": "s", "SecretString": "k", "SecretBinary": "AP8=", "CreatedDate": 1764400000.123}),
    ("cognito-idp", "SignUp",
     {**CLIENT, "Password": "p", "UserAttributes": [{"Name": "name", "Value": "Zoë"}]},
     {"UserConfirmed": False, "UserSub": "sub", **DELIVERY}),
    ("cognito-idp", "ConfirmSignUp", {**CLIENT, "ConfirmationCode": "1"}, {}),
    ("cognito-idp", "ResendConfirmationCode", CLIENT, DELIVERY),
    ("cognito-idp", "ForgotPassword", CLIENT, DELIVERY),
    ("cognito-idp", "ConfirmForgotPassword",
     {**CLIENT, "ConfirmationCode": "1", "Password": "p"}, {}),
    ("cognito-idp", "InitiateAuth",
     {"ClientId": "client", "AuthFlow": "USER_PASSWORD_AUTH",
      "AuthParameters": {"USERNAME": "a", "PASSWORD": "p"}},
     {"AuthenticationResult": {"AccessToken": "a", "IdToken": "i", "ExpiresIn": 3600}}),
    ("cognito-idp", "GetUser", {"AccessToken": "a"},
     {"Username": "u", "UserAttributes": [{"Name": "sub", "Value": "s"}]}),
    ("cognito-idp", "UpdateUserAttributes",
     {"AccessToken": "a", "UserAttributes": [{"Name": "name", "Value": "Z"}]}, {}),
    ("cognito-idp", "AdminConfirmSignUp", USER, {}),
    ("cognito-idp", "AdminUpdateUserAttributes",
     {**USER, "UserAttributes": [{"Name": "email_verified", "Value": "true"}]}, {}),
    ("cognito-idp", "AdminUserGlobalSignOut", USER, {}),
    ("cognito-idp", "AdminGetUser", USER,
     {"Username": "sub", "UserAttributes": [{"Name": "name", "Value": "Zoë"}]}),
    ("sesv2", "SendEmail",
     {"FromEmailAddress": "shop@example.com", "Destination": {"ToAddresses": ["zoë@example.com"]},
      "Content": {"Raw": {"Data": b"Subject: \xff\r\n\r\nhello"}}},
     {"MessageId": "m"}),
    ("s3", "PutObject",
     {**OBJECT, "Body": b"\x00\xff%PDF", "ContentType": "application/pdf", "IfNoneMatch": "*",
      "CacheControl": "public, max-age=1", "Metadata": {"sha256": "0" * 64}},
     Canned(b"", 200, {"ETag": '"1"', "x-amz-checksum-crc32": "AAAAAA==", **S3_IDS})),
    ("s3", "PutObject", {**OBJECT, "Body": b""}, Canned(b"", 200, S3_IDS)),
    ("s3", "GetObject", OBJECT,
     Canned(b"content", 200,
            {"Last-Modified": "Sun, 29 Nov 2026 12:00:00 GMT", "Content-Type": "image/png",
             "ETag": '"1"', "x-amz-meta-sequence": "7", **S3_IDS})),
    ("s3", "GetObject", {**OBJECT, "Key": "a b/é+~.txt"}, Canned(b"", 200, S3_IDS)),
    ("s3", "HeadObject", OBJECT,
     Canned(b"", 200,
            {"Last-Modified": "Sun, 29 Nov 2026 12:00:00 GMT", "Content-Type": "image/png",
             "Cache-Control": "public", "x-amz-meta-sha256": "abc", **S3_IDS})),
    ("s3", "DeleteObject", OBJECT, Canned(b"", 204, S3_IDS)),
]  # fmt: skip


def json_error(code: str, message: str = "no", status: int = 400, **members: Any) -> Canned:
    return canned({"__type": code, "message": message, **members}, status)


REFUSED = f"""<ErrorResponse xmlns="{SNS}"><Error><Type>Sender</Type><Code>{{}}</Code>
<Message>no &amp; no</Message></Error><RequestId>request-3</RequestId></ErrorResponse>"""
PREFIX = "com.amazonaws.dynamodb.v20120810#"


def s3_error(code: str, status: int) -> Canned:
    body = f"""<?xml version="1.0" encoding="UTF-8"?>
<Error><Code>{code}</Code><Message>no &amp; no</Message><Key>k</Key>
<RequestId>request-4</RequestId><HostId>host-4</HostId></Error>"""
    return Canned(body.encode(), status, {"Content-Type": "application/xml", **S3_IDS})


DENIED = "com.amazon.coral.service#AccessDeniedException"

ERRORS: list[tuple[str, str, Canned]] = [
    ("dynamodb", "PutItem", json_error(f"{PREFIX}ConditionalCheckFailedException")),
    ("dynamodb", "PutItem", json_error(f"{PREFIX}ConditionalCheckFailedException", Item=WIRED)),
    ("dynamodb", "GetItem", json_error(f"{PREFIX}ResourceNotFoundException")),
    ("dynamodb", "GetItem", json_error("com.amazon.coral.validate#ValidationException")),
    ("dynamodb", "GetItem", canned({"__type": DENIED, "Message": "Not authorized"}, 400)),
    ("dynamodb", "GetItem", json_error(f"{PREFIX}ProvisionedThroughputExceededException")),
    ("dynamodb", "GetItem", json_error(f"{PREFIX}InternalServerError", status=500)),
    ("dynamodb", "TransactWriteItems",
     json_error(f"{PREFIX}TransactionCanceledException",
                CancellationReasons=[{"Code": "None"},
                                     {"Code": "ConditionalCheckFailed", "Message": "no",
                                      "Item": WIRED}])),
    ("dynamodb", "GetItem", canned(b"<html>Unavailable</html>", 503)),
    ("dynamodb", "GetItem", canned(b"", 500)),
    ("dynamodb", "GetItem", canned(b"", 429)),
    ("dynamodb", "GetItem", canned(b"not JSON", 400)),
    ("dynamodb", "GetItem", canned({"message": "no type"}, 403)),
    ("sqs", "SendMessage",
     canned({"__type": "com.amazonaws.sqs#QueueDoesNotExist", "message": "no"}, 400,
            x_amzn_query_error="AWS.SimpleQueueService.NonExistentQueue;Sender")),
    ("sqs", "ChangeMessageVisibility",
     json_error("com.amazonaws.sqs#MessageNotInflight")),
    ("sns", "PublishBatch", canned(REFUSED.format("NotFound").encode(), 404)),
    ("sns", "PublishBatch", canned(REFUSED.format("AuthorizationError").encode(), 403)),
    ("sns", "PublishBatch", canned(REFUSED.format("Throttling").encode(), 400)),
    ("sns", "PublishBatch", canned(b"<html></html>", 502)),
    ("secretsmanager", "GetSecretValue",
     canned({"__type": "ResourceNotFoundException", "Message": "none"}, 400)),
    *(
        ("cognito-idp", "InitiateAuth", json_error(code))
        for code in ("NotAuthorizedException", "UserNotFoundException", "TooManyRequestsException",
                     "UserNotConfirmedException", "InvalidParameterException",
                     "PasswordResetRequiredException")
    ),
    *(("cognito-idp", "SignUp", json_error(code))
      for code in ("UsernameExistsException", "InvalidPasswordException",
                   "LimitExceededException")),
    *(("cognito-idp", "ConfirmSignUp", json_error(code))
      for code in ("CodeMismatchException", "ExpiredCodeException",
                   "TooManyFailedAttemptsException")),
    *(("sesv2", "SendEmail", canned({"message": "no"}, status, x_amzn_errortype=code))
      for code, status in (("MessageRejected", 400), ("BadRequestException:http://x/", 400),
                           ("TooManyRequestsException", 429), ("LimitExceededException", 400),
                           ("AccountSuspendedException", 400), ("InternalFailure", 500))),
    ("sesv2", "SendEmail", canned(b"", 500)),
    ("s3", "PutObject", s3_error("PreconditionFailed", 412)),
    ("s3", "PutObject", s3_error("ConditionalRequestConflict", 409)),
    ("s3", "PutObject", s3_error("SlowDown", 503)),
    ("s3", "PutObject", Canned(b"<html>Unavailable</html>", 503)),
    ("s3", "GetObject", s3_error("NoSuchKey", 404)),
    ("s3", "GetObject", s3_error("AccessDenied", 403)),
    ("s3", "GetObject", s3_error("InternalError", 500)),
    ("s3", "HeadObject", Canned(b"", 404, S3_IDS)),
    ("s3", "HeadObject", Canned(b"", 403, S3_IDS)),
    ("s3", "DeleteObject", s3_error("AccessDenied", 403)),
    ("sesv2", "SendEmail", canned({"Message": "denied"}, 403,
                                  x_amzn_errortype="AccessDeniedException")),
    ("cognito-idp", "ForgotPassword", json_error("CodeDeliveryFailureException")),
    ("cognito-idp", "ConfirmForgotPassword",
     json_error("PasswordHistoryPolicyViolationException")),
]  # fmt: skip


class Sent(NamedTuple):
    """What a service sees of a request."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes


class Aws(ThreadingHTTPServer):
    """Answers every request with the next canned response; the last one is repeated."""

    daemon_threads = True

    def __init__(self) -> None:
        self.sent: list[Sent] = []
        self.answers: list[Canned] = []
        super().__init__(("127.0.0.1", 0), _Handler)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: Aws

    def do_POST(self) -> None:
        if "Expect" in self.headers:
            self.send_response_only(100)
            self.end_headers()
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        headers = {name.lower(): value for name, value in self.headers.items()}
        self.server.sent.append(Sent(self.command, self.path, headers, body))
        answers = self.server.answers
        answer = answers.pop(0) if len(answers) > 1 else answers[0]
        if not answer.status:  # the connection is closed instead
            self.close_connection = True
            self.connection.shutdown(socket.SHUT_RDWR)
            return
        self.send_response_only(answer.status)
        for name, value in answer.headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(answer.body)))
        self.end_headers()
        self.wfile.write(answer.body)

    do_GET = do_HEAD = do_PUT = do_DELETE = do_POST  # noqa: N815 - names of the base class

    def log_message(self, *_: Any) -> None:
        """Log nothing."""


@pytest.fixture(scope="module")
def server() -> Iterator[Aws]:
    with Aws() as server:
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        yield server
        server.shutdown()


@pytest.fixture(scope="module", autouse=True)
def own_botocore_session() -> Iterator[None]:
    """Let botocore read the credentials of these tests, whatever others have made it read."""
    aws.session.cache_clear()
    yield
    aws.session.cache_clear()


@pytest.fixture(scope="module")
def botocore_session() -> Any:
    return botocore.session.Session()


@pytest.fixture
def aws_server(server: Aws, monkeypatch: pytest.MonkeyPatch) -> Aws:
    server.sent, server.answers = [], []
    for name, value in {
        "AWS_ACCESS_KEY_ID": "AKIDEXAMPLE",
        "AWS_SECRET_ACCESS_KEY": "secret",
        "AWS_SESSION_TOKEN": "token",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_ENDPOINT_URL": f"http://127.0.0.1:{server.server_port}",
    }.items():
        monkeypatch.setenv(name, value)
    return server


@pytest.fixture
def waits(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Record the waits between attempts instead of waiting."""
    waits: list[float] = []
    monkeypatch.setattr(time, "sleep", waits.append)
    return waits


_by_botocore: dict[tuple[str, str, int], Any] = {}


def clients(server: Aws, service: str, attempts: int = 1) -> tuple[AwsClient, Any]:
    """Return the chassis's client of a service and one of botocore."""
    key = (service, f"http://127.0.0.1:{server.server_port}", attempts)
    if key not in _by_botocore:
        _by_botocore[key] = aws.botocore_client(service, attempts=attempts, read_timeout=0.3)
    kind = S3Client if service == "s3" else AwsClient
    return kind(service, read_timeout=0.3, attempts=attempts), _by_botocore[key]


def outcome(call: Callable[[], Any]) -> Any:
    """Return the answer of a call, or the kind and the content of its error."""
    try:
        answer = call()
    except botocore.exceptions.ClientError as error:
        return "ClientError", error.operation_name, str(error), comparable(error.response)
    except botocore.exceptions.BotoCoreError as error:
        return type(error)
    return comparable(answer)


def comparable(answer: dict[str, Any]) -> dict[str, Any]:
    # botocore reads no member of an error that its model does not have
    metadata = {**answer["ResponseMetadata"]}
    rest = {name: value for name, value in answer.items() if name not in ("message", "Message")}
    if "Body" in rest:
        with rest["Body"] as body:
            rest["Body"] = body.read()
    return {**rest, "ResponseMetadata": metadata}


def meaning(sent: Sent) -> Any:
    """Return what a service takes from a request."""
    headers = {
        name: value
        for name, value in sent.headers.items()
        if name
        in ("content-type", "x-amz-target", "x-amzn-query-mode", "x-amz-security-token", "host")
        or name in ("cache-control", "if-none-match", "x-amz-content-sha256")
        or name.startswith(("x-amz-meta-", "x-amz-checksum-", "x-amz-sdk-"))
    }
    body: Any = sent.body
    if sent.headers.get("content-type", "").startswith("application/x-www-form"):
        body = dict(parse_qsl(sent.body.decode(), keep_blank_values=True))
    elif "json" in sent.headers.get("content-type", ""):
        body = json.loads(sent.body)
    scope = re.search(r"Credential=([^,]*)", sent.headers.get("authorization", ""))
    return sent.method, sent.path, headers, body, scope and scope[1]


def both(server: Aws, service: str, operation: str, params: Params, attempts: int = 1) -> Any:
    """Call through both clients; return their outcomes, and the requests of both."""
    answers = server.answers
    result = []
    for client in clients(server, service, attempts):
        server.answers, server.sent = list(answers), []
        result.append((outcome(lambda: client._make_api_call(operation, {**params})), server.sent))  # noqa: B023
    return result


def test_every_operation_of_the_client_is_compared() -> None:
    known = {(name, one) for name, service in SERVICES.items() for one in service.operations}
    assert known == {(service, operation) for service, operation, *_ in CALLS}


@pytest.mark.parametrize(("service", "operation", "params", "answer"), CALLS)
def test_requests_and_answers_are_those_of_botocore(
    aws_server: Aws, service: str, operation: str, params: Params, answer: Any
) -> None:
    aws_server.answers = [canned(answer)]
    (ours, our_requests), (theirs, their_requests) = both(aws_server, service, operation, params)
    assert list(map(meaning, our_requests)) == list(map(meaning, their_requests))
    assert ours == theirs


@pytest.mark.parametrize(("service", "operation", "params", "answer"), CALLS)
def test_a_method_of_the_client_is_the_operation(
    aws_server: Aws, service: str, operation: str, params: Params, answer: Any
) -> None:
    aws_server.answers = [canned(answer)]
    method = re.sub(r"(?<!^)(?=[A-Z])", "_", operation).lower()
    client, by_botocore = clients(aws_server, service)
    assert outcome(lambda: getattr(client, method)(**params)) == outcome(
        lambda: getattr(by_botocore, method)(**params)
    )


PARAMS = {(service, operation): params for service, operation, params, _ in CALLS}


@pytest.mark.parametrize(("service", "operation", "answer"), ERRORS)
@pytest.mark.parametrize("attempts", [1, 3])
def test_errors_and_attempts_are_those_of_botocore(
    aws_server: Aws,
    waits: list[float],
    service: str,
    operation: str,
    answer: Canned,
    attempts: int,
) -> None:
    aws_server.answers = [answer]
    params = PARAMS[service, operation]
    (ours, our_requests), (theirs, their_requests) = both(
        aws_server, service, operation, params, attempts
    )
    assert ours == theirs
    assert len(our_requests) == len(their_requests)


THROTTLED = json_error(f"{PREFIX}ThrottlingException")
FOUND = canned({"Item": ITEM})
DAMAGED = canned({"Item": ITEM}, x_amz_crc32="1")
INTACT = canned({"Item": ITEM}, x_amz_crc32=str(zlib.crc32(FOUND.body)))
CLOSED = Canned(status=0)


@pytest.mark.parametrize(
    ("answers", "requests"),
    [
        ([canned(b"", 500), canned(b"", 503), FOUND], 3),
        ([THROTTLED, FOUND], 2),
        ([canned(b"", 429), FOUND], 2),
        ([CLOSED, FOUND], 2),
        ([CLOSED, CLOSED, CLOSED], 3),
        ([DAMAGED, INTACT], 2),
        ([DAMAGED, DAMAGED, DAMAGED], 3),
        ([INTACT], 1),
        ([json_error("RequestTimeoutException"), FOUND], 2),
        ([json_error(f"{PREFIX}ConditionalCheckFailedException"), FOUND], 1),
    ],
)
def test_retries_are_those_of_botocore(
    aws_server: Aws, waits: list[float], answers: list[Canned], requests: int
) -> None:
    aws_server.answers = answers
    params = {"TableName": "t", "Key": KEY}
    (ours, our_requests), (theirs, their_requests) = both(
        aws_server, "dynamodb", "GetItem", params, attempts=3
    )
    assert ours == theirs
    assert len(our_requests) == len(their_requests) == requests


@pytest.mark.parametrize(
    ("service", "answer", "longest"),
    [
        ("dynamodb", canned(b"", 500), [0.025, 0.05, 0.1]),
        ("dynamodb", THROTTLED, [1, 2, 4]),
        ("dynamodb", canned(b"", 429), [1, 2, 4]),
        ("dynamodb", CLOSED, [0.025, 0.05, 0.1]),
        ("sqs", canned(b"", 500), [0.05, 0.1, 0.2]),
        ("dynamodb", canned(b"", 500, x_amz_retry_after="3000"), [3, 3, 3]),
        ("dynamodb", canned(b"", 500, x_amz_retry_after="60000"), [5.025, 5.05, 5.1]),
        ("dynamodb", canned(b"", 500, x_amz_retry_after="soon"), [0.025, 0.05, 0.1]),
    ],
)
def test_the_waits_are_those_that_botocore_computes(
    aws_server: Aws,
    monkeypatch: pytest.MonkeyPatch,
    waits: list[float],
    service: str,
    answer: Canned,
    longest: list[float],
) -> None:
    from botocore.retries.standard import ExponentialBackoff

    monkeypatch.setattr(aws_client.random, "random", lambda: 1.0)
    computed: list[float] = []
    delay_of = ExponentialBackoff.delay_amount

    def delay(self: Any, context: Any) -> Any:
        self._random = lambda: 1.0
        computed.append(delay_of(self, context))
        return 0

    monkeypatch.setattr(ExponentialBackoff, "delay_amount", delay)
    aws_server.answers = [answer]
    operation = "GetItem" if service == "dynamodb" else "SendMessage"
    both(aws_server, service, operation, PARAMS[service, operation], attempts=4)
    ours = [wait for wait in waits if wait]
    assert ours == pytest.approx(longest)
    assert ours == pytest.approx(computed)


def test_retries_end_while_most_requests_fail(aws_server: Aws, waits: list[float]) -> None:
    # GIVEN a service that fails for so long that the quota of retries is used up
    client, _ = clients(aws_server, "sqs", attempts=3)
    aws_server.answers = [canned(b"", 500)]
    params = PARAMS["sqs", "SendMessage"]
    for _ in range(30):
        outcome(lambda: client._make_api_call("SendMessage", params))
    # WHEN it is called again THEN there is one attempt
    aws_server.sent = []
    failure = outcome(lambda: client._make_api_call("SendMessage", params))
    assert len(aws_server.sent) == 1
    assert failure[3]["ResponseMetadata"]["RetryQuotaReached"] is True
    # AND requests that succeed fill the quota again
    aws_server.answers = [canned({})]
    for _ in range(14):
        client._make_api_call("SendMessage", params)
    aws_server.answers, aws_server.sent = [canned(b"", 500)], []
    outcome(lambda: client._make_api_call("SendMessage", params))
    assert len(aws_server.sent) == 2


def test_a_service_that_cannot_be_reached_is_the_error_of_botocore(
    aws_server: Aws, monkeypatch: pytest.MonkeyPatch, waits: list[float]
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as unused:
        port = unused.getsockname()[1]
    monkeypatch.setenv("AWS_ENDPOINT_URL_SQS", f"http://127.0.0.1:{port}")
    ours = AwsClient("sqs", read_timeout=0.3, attempts=1)
    theirs = aws.botocore_client("sqs", read_timeout=0.3, attempts=1)
    params = PARAMS["sqs", "SendMessage"]
    found = {outcome(lambda: one._make_api_call("SendMessage", params)) for one in (ours, theirs)}  # noqa: B023
    assert found == {botocore.exceptions.EndpointConnectionError}


def test_a_service_that_does_not_answer_is_the_error_of_botocore(
    aws_server: Aws, monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        monkeypatch.setenv("AWS_ENDPOINT_URL_SQS", f"http://127.0.0.1:{port}")
        ours = AwsClient("sqs", read_timeout=0.05, attempts=1)
        theirs = aws.botocore_client("sqs", read_timeout=0.05, attempts=1)
        params = PARAMS["sqs", "SendMessage"]
        found = {
            outcome(lambda: one._make_api_call("SendMessage", params))  # noqa: B023
            for one in (ours, theirs)
        }
    assert found == {botocore.exceptions.ReadTimeoutError}


def test_without_credentials_the_error_is_that_of_botocore(
    aws_server: Aws, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("chassis.credentials.current", lambda: None)
    client, _ = clients(aws_server, "dynamodb")
    with pytest.raises(botocore.exceptions.NoCredentialsError):
        client._make_api_call("GetItem", {"TableName": "t", "Key": KEY})
    assert aws_server.sent == []


def test_a_transaction_has_one_token_in_all_attempts(aws_server: Aws, waits: list[float]) -> None:
    aws_server.answers = [canned(b"", 500), canned({})]
    client, _ = clients(aws_server, "dynamodb", attempts=2)
    items = [{"Put": {"TableName": "t", "Item": ITEM}}]
    for _ in range(2):
        client._make_api_call("TransactWriteItems", {"TransactItems": items})
    tokens = [json.loads(sent.body)["ClientRequestToken"] for sent in aws_server.sent]
    assert tokens[0] == tokens[1] != tokens[2]
    assert all(len(token) == 36 for token in tokens)


def test_an_unknown_operation_is_called_through_botocore(aws_server: Aws) -> None:
    aws_server.answers = [canned({"TableNames": ["t"]})]
    client, _ = clients(aws_server, "dynamodb")
    assert client.list_tables()["TableNames"] == ["t"]
    assert client._make_api_call("ListTables", {})["TableNames"] == ["t"]


def test_connections_are_reused(aws_server: Aws, monkeypatch: pytest.MonkeyPatch) -> None:
    opened = []
    connect = HTTPConnection.connect

    def counted(self: Any) -> Any:
        opened.append(self)
        return connect(self)

    monkeypatch.setattr(HTTPConnection, "connect", counted)
    aws_client.connections.shared.cache_clear()
    aws_server.answers = [canned({})]
    for service, operation in (("dynamodb", "GetItem"), ("sqs", "SendMessage")):
        for _ in range(3):
            AwsClient(service, read_timeout=1, attempts=1)._make_api_call(
                operation, PARAMS[service, operation]
            )
    assert len(opened) == 1


def test_endpoints_are_those_of_botocore_in_all_regions(
    botocore_session: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    loader = botocore_session.get_component("data_loader")
    partitions = loader.load_data("partitions")
    regions = [
        region
        for partition in partitions["partitions"]
        for region in partition["regions"]
        if partition["id"] in ("aws", "aws-us-gov", "aws-cn") and "global" not in region
    ]
    assert len(regions) > 30
    different = []
    for service in SERVICES:
        rules = EndpointProvider(
            loader.load_service_model(service, "endpoint-rule-set-1"), partitions
        )
        for region in regions:
            theirs = rules.resolve_endpoint(Region=region, UseFIPS=False, UseDualStack=False)
            if aws_client.endpoint_of(service, region) != theirs.url:
                different.append((service, region, theirs.url))
    assert different == []


@pytest.mark.parametrize("region", ["us-iso-east-1", "eusc-de-east-1", "", "mars"])
def test_other_partitions_are_left_to_botocore(region: str) -> None:
    assert aws_client.domain_of(region) is None


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("AWS_PROFILE", "mine"),
        ("AWS_USE_FIPS_ENDPOINT", "true"),
        ("AWS_USE_DUALSTACK_ENDPOINT", "true"),
        ("HTTPS_PROXY", "http://127.0.0.1:1"),
        ("AWS_DEFAULT_REGION", "us-iso-east-1"),
    ],
)
def test_what_only_botocore_supports_is_left_to_it(
    aws_server: Aws, monkeypatch: pytest.MonkeyPatch, tmp_path: Any, name: str, value: str
) -> None:
    assert aws.environment_suffices()
    monkeypatch.setenv(name, value)
    assert not aws.environment_suffices()


def test_config_file_is_left_to_botocore_but_the_local_cloud_has_none(
    aws_server: Aws, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    # GIVEN what `./shop up` starts the embedded AWS with, and so the functions
    for name, value in environment.variables().items():
        if name.startswith("AWS_"):
            monkeypatch.setenv(name, value)
    assert aws.environment_suffices()
    # AND a file, which may set anything
    (tmp_path / "config").touch()
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    assert not aws.environment_suffices()


def test_objects_are_written_again_after_an_error(aws_server: Aws, waits: list[float]) -> None:
    aws_server.answers = [s3_error("SlowDown", 503), CLOSED, Canned(b"", 200, S3_IDS)]
    params = {**OBJECT, "Body": b"content"}
    (ours, our_requests), (theirs, _) = both(aws_server, "s3", "PutObject", params, attempts=3)
    assert ours == theirs
    assert [sent.body for sent in our_requests] == [b"content"] * 3


def test_a_damaged_object_is_read_again(aws_server: Aws, waits: list[float]) -> None:
    damaged = Canned(b"content", 200, {"x-amz-checksum-crc32": "AAAAAA=="})
    checksum = b64encode(zlib.crc32(b"content").to_bytes(4, "big")).decode()
    aws_server.answers = [damaged, Canned(b"content", 200, {"x-amz-checksum-crc32": checksum})]
    client, _ = clients(aws_server, "s3", attempts=2)
    assert client.get_object(**OBJECT)["Body"].read() == b"content"
    aws_server.answers = [damaged]
    with pytest.raises(botocore.exceptions.FlexibleChecksumError):
        client.get_object(**OBJECT)


@pytest.mark.parametrize("token", ["to/ken+=", None])
@pytest.mark.parametrize(
    "shown",
    [{}, {"ResponseContentType": "a/b", "ResponseContentDisposition": 'inline; filename="a b"'}],
)
def test_links_are_those_of_botocore(
    aws_server: Aws, monkeypatch: pytest.MonkeyPatch, token: str | None, shown: Params
) -> None:
    monkeypatch.setattr(
        "chassis.credentials.current", lambda: Credentials("AKIDEXAMPLE", "secret", token)
    )
    theirs = botocore.session.Session()
    theirs.set_credentials("AKIDEXAMPLE", "secret", token)
    monkeypatch.setattr(aws, "session", lambda: theirs)
    arguments: Any = ("get_object", {**OBJECT, **shown}, 300)
    with time_machine.travel(1_764_400_000, tick=False):
        ours = clients(aws_server, "s3")[0].generate_presigned_url(*arguments)
        assert ours == aws.botocore_client("s3").generate_presigned_url(*arguments)


@pytest.mark.parametrize(
    "url",
    [
        "https://dynamodb.us-east-1.amazonaws.com/",
        "http://127.0.0.1:4566/",
        "https://abc.execute-api.us-east-1.amazonaws.com:443/api/toys/toy%2F1/a%20b",
        "http://Host.example:80/api/toys?a=1&a-b=2&q=%C3%A9&empty=&a=0",
    ],
)
@pytest.mark.parametrize("token", ["token", None])
def test_signatures_are_those_of_botocore(url: str, token: str | None) -> None:
    body = "é".encode()
    headers = {"X-Amz-Target": "A.B", "Accept": " two   spaces ", "User-Agent": "unsigned"}
    found = Credentials("AKIDEXAMPLE", "secret", token)
    with time_machine.travel(1_764_400_000, tick=False):
        ours = signing.signed(
            "POST", url, body, headers, service="dynamodb", region="us-east-1", credentials=found
        )
        request = AWSRequest(method="POST", url=url, data=body, headers=headers)
        SigV4Auth(botocore_credentials(found), "dynamodb", "us-east-1").add_auth(request)
    assert ours == dict(request.headers.items())


def botocore_credentials(found: Credentials) -> Any:
    from botocore.credentials import Credentials as BotocoreCredentials

    return BotocoreCredentials(*found)
