"""A small client of the AWS services on the hot paths.

It sends what botocore's client sends, retries as its ``standard`` mode does, and returns and raises
the same; ``tests/contract/test_aws_client.py`` compares them operation by operation. It needs no
model of a service's API, which takes botocore longer to load than a function needs for its answer.
Operations that are not listed here go through botocore.
"""

import os
import random
import re
import time
from binascii import a2b_base64, b2a_base64, crc32
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import cached_property
from threading import Lock
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import urlencode

import msgspec
import urllib3

from chassis import aws, aws_spans, connections, credentials
from chassis.connections import Response
from chassis.signing import signed

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element  # nosec B405

Params = Mapping[str, Any]
Answer = dict[str, Any]


class _Service(NamedTuple):
    """How a service is called.

    Attributes
    ----------
    identifier
        The name in ``AWS_ENDPOINT_URL_<name>``.
    target
        The prefix of ``X-Amz-Target``, or the API version of the query protocol.
    json_version
        The version in the content type; empty for the query protocol.
    operations
        The operations that this client knows.
    unsigned
        Those that are not signed.
    host, signing_name
        The service's name in its host and in signatures, if it is not the one in botocore.
    paths
        The path of each operation in the REST protocol; empty for the others.
    """

    identifier: str
    target: str
    json_version: str
    operations: frozenset[str]
    unsigned: frozenset[str] = frozenset()
    host: str = ""
    signing_name: str = ""
    paths: Mapping[str, str] = {}

    @property
    def is_json(self) -> bool:
        """Whether the answers are JSON documents."""
        return bool(self.json_version or self.paths)


_COGNITO_UNSIGNED = frozenset(
    {
        "ConfirmForgotPassword",
        "ConfirmSignUp",
        "ForgotPassword",
        "GetUser",
        "InitiateAuth",
        "ResendConfirmationCode",
        "SignUp",
        "UpdateUserAttributes",
    }
)

SERVICES: Mapping[str, _Service] = {
    "dynamodb": _Service(
        "DYNAMODB",
        "DynamoDB_20120810",
        "1.0",
        frozenset(
            {
                "BatchGetItem",
                "BatchWriteItem",
                "DeleteItem",
                "GetItem",
                "PutItem",
                "Query",
                "Scan",
                "TransactGetItems",
                "TransactWriteItems",
                "UpdateItem",
            }
        ),
    ),
    "sqs": _Service(
        "SQS", "AmazonSQS", "1.0", frozenset({"ChangeMessageVisibility", "SendMessage"})
    ),
    "sns": _Service("SNS", "2010-03-31", "", frozenset({"PublishBatch"})),
    "secretsmanager": _Service(
        "SECRETS_MANAGER", "secretsmanager", "1.1", frozenset({"GetSecretValue"})
    ),
    "cognito-idp": _Service(
        "COGNITO_IDENTITY_PROVIDER",
        "AWSCognitoIdentityProviderService",
        "1.1",
        _COGNITO_UNSIGNED
        | {
            "AdminConfirmSignUp",
            "AdminGetUser",
            "AdminUpdateUserAttributes",
            "AdminUserGlobalSignOut",
        },
        _COGNITO_UNSIGNED,
    ),
    # the requests are those of chassis.s3_client
    "s3": _Service(
        "S3", "", "", frozenset({"DeleteObject", "GetObject", "HeadObject", "PutObject"})
    ),
    "sesv2": _Service(
        "SESV2",
        "",
        "",
        frozenset({"SendEmail"}),
        host="email",
        signing_name="ses",
        paths={"SendEmail": "/v2/email/outbound-emails"},
    ),
}

# botocore's partitions; regions of all others are left to it
_DOMAINS = (
    (re.compile(r"(us|eu|ap|sa|ca|me|af|il|mx)-\w+-\d+"), "amazonaws.com"),
    (re.compile(r"us-gov-\w+-\d+"), "amazonaws.com"),
    (re.compile(r"cn-\w+-\d+"), "amazonaws.com.cn"),
)

# what botocore.retries.standard has
_TRANSIENT_STATUSES = frozenset({500, 502, 503, 504})
_TRANSIENT_CODES = frozenset(
    {"RequestTimeout", "RequestTimeoutException", "PriorRequestNotComplete"}
)
_THROTTLED_CODES = frozenset(
    {
        "Throttling",
        "ThrottlingException",
        "ThrottledException",
        "RequestThrottledException",
        "TooManyRequestsException",
        "ProvisionedThroughputExceededException",
        "TransactionInProgressException",
        "RequestLimitExceeded",
        "BandwidthLimitExceeded",
        "LimitExceededException",
        "RequestThrottled",
        "SlowDown",
        "PriorRequestNotComplete",
        "EC2ThrottledException",
    }
)
_MAX_BACKOFF = 20.0
_QUOTA = 500
_RETRY_COST = 14
_THROTTLED_RETRY_COST = 5
_MAX_RETRY_AFTER = 5.0
_SCALE, _DYNAMODB_SCALE = 0.05, 0.025
"""Seconds; the longest first delay, unless the service throttles."""


def domain_of(region: str) -> str | None:
    """Return the domain of AWS's endpoints in a region; ``None`` if only botocore knows it."""
    return next((domain for regions, domain in _DOMAINS if regions.fullmatch(region)), None)


def endpoint_of(service: str, region: str) -> str:
    """Return the URL of a service: the environment's, or the region's own.

    Parameters
    ----------
    service
        The service's name in botocore.
    """
    identifier = SERVICES[service].identifier
    configured = os.environ.get(f"AWS_ENDPOINT_URL_{identifier}") or os.environ.get(
        "AWS_ENDPOINT_URL"
    )
    host = SERVICES[service].host or service
    return configured or f"https://{host}.{region}.{domain_of(region)}"


class Request(NamedTuple):
    """A request without its signature."""

    method: str
    url: str
    headers: Mapping[str, str]
    body: bytes


class AwsClient:
    """A client of one service, for the operations in ``SERVICES``; safe for several threads.

    An operation is a method as on botocore's client: ``client.send_message(QueueUrl=…)``.

    Parameters
    ----------
    service
        The service's name in botocore.
    read_timeout
        Seconds to wait for a response.
    attempts
        The largest number of attempts; 1 for a request that must not be repeated.
    """

    def __init__(self, service: str, *, read_timeout: float, attempts: int) -> None:
        self.service = service
        self._api = SERVICES[service]
        self._read_timeout = read_timeout
        self._attempts = attempts
        self._timeout = urllib3.Timeout(connect=aws.CONNECT_TIMEOUT, read=read_timeout)
        self._quota = _RetryQuota()

    def knows(self, operation: str) -> bool:
        """Return whether this client sends an operation itself."""
        return operation in self._api.operations

    def __getattr__(self, name: str) -> Any:
        operation = "".join(part.capitalize() for part in name.split("_"))
        if not self.knows(operation):
            return getattr(self._botocore, name)

        def call(**params: Any) -> Answer:
            return self._make_api_call(operation, params)

        return call

    @cached_property
    def _botocore(self) -> Any:
        return aws.botocore_client(
            self.service, read_timeout=self._read_timeout, attempts=self._attempts
        )

    def _make_api_call(self, operation: str, params: Params) -> Answer:
        """Call an operation; the name and parameters are those of botocore's clients.

        Raises
        ------
        botocore.exceptions.ClientError
            If the service answers with an error.
        botocore.exceptions.BotoCoreError
            If there is no response, or nothing to sign with.
        """
        if not self.knows(operation):
            return self._botocore._make_api_call(operation, params)  # type: ignore[no-any-return]
        with aws_spans.aws_span(self.service, operation, params):
            return self._call(operation, params)

    def _call(self, operation: str, params: Params) -> Answer:
        """Send an operation until it is answered, or no further attempt is allowed."""
        region = credentials.region() or ""
        request = self._request(operation, params, endpoint_of(self.service, region).rstrip("/"))
        attempt, cost = 1, 0
        while True:
            received = self._attempt(operation, request, region)
            response = None if isinstance(received, Exception) else received
            answer = {} if response is None else self._parsed(operation, response, attempt)
            retry = self._retry(attempt, response, answer)
            if retry is None:
                break
            delay, cost = retry
            time.sleep(delay)
            attempt += 1
        if isinstance(received, Exception):
            raise received
        if received.status >= 300:
            # not imported above: most functions never need it
            from botocore.exceptions import ClientError

            raise ClientError(answer, operation)
        self._quota.release(cost or 1)
        return answer

    def _request(self, operation: str, params: Params, endpoint: str) -> Request:
        headers, body = self._serialized(operation, params)
        path = self._api.paths.get(operation, "/")
        return Request("POST", endpoint + path, headers, body)

    def _serialized(self, operation: str, params: Params) -> tuple[dict[str, str], bytes]:
        if self._api.paths:
            return {"Content-Type": "application/json"}, msgspec.json.encode(params)
        if not self._api.json_version:
            fields = {"Action": operation, "Version": self._api.target}
            _add_fields(fields, "", params)
            content_type = "application/x-www-form-urlencoded; charset=utf-8"
            return {"Content-Type": content_type}, urlencode(fields).encode()
        if operation == "TransactWriteItems" and "ClientRequestToken" not in params:
            from uuid import uuid4

            params = {**params, "ClientRequestToken": str(uuid4())}
        headers = {
            "Content-Type": f"application/x-amz-json-{self._api.json_version}",
            "X-Amz-Target": f"{self._api.target}.{operation}",
        }
        if self.service == "sqs":
            # otherwise SQS answers errors with other codes
            headers["x-amzn-query-mode"] = "true"
        return headers, msgspec.json.encode(params)

    def _attempt(self, operation: str, request: Request, region: str) -> Response | Exception:
        """Send a request once; return the response, or botocore's exception if there is none."""
        method, url, headers, body = request
        if operation not in self._api.unsigned:
            found = credentials.current()
            if found is None:
                from botocore.exceptions import NoCredentialsError

                raise NoCredentialsError
            headers = signed(
                method,
                url,
                body,
                headers,
                service=self._api.signing_name or self.service,
                region=region,
                credentials=found,
            )
        try:
            return connections.shared().request(
                method, url, body=body, headers=headers, timeout=self._timeout
            )
        except urllib3.exceptions.HTTPError as error:
            return _botocore_error(error, url)

    def _parsed(self, operation: str, response: Response, attempt: int) -> Answer:
        headers = {name.lower(): value for name, value in response.headers.items()}
        metadata: Answer = {}
        if self._api.is_json and "x-amzn-requestid" in headers:
            metadata["RequestId"] = headers["x-amzn-requestid"]
        if response.status < 301:
            answer = self._decoded(operation, response.data)
        elif response.status >= 500 and is_generic(response.data):
            metadata = {}
            from http.client import responses

            code, message = str(response.status), responses.get(response.status, "")
            answer = {"Error": {"Code": code, "Message": message}}
        elif self._api.is_json:
            answer = _json_error(response, headers)
            if self.service == "dynamodb":
                answer = _with_bytes(answer)
        else:
            answer = _xml_error(response.data)
        metadata = answer.setdefault("ResponseMetadata", metadata)
        metadata.update(self._metadata(response, headers, attempt))
        return answer

    def _metadata(self, response: Response, headers: Answer, attempt: int) -> Answer:
        metadata: Answer = {
            "HTTPStatusCode": response.status,
            "HTTPHeaders": headers,
            "RetryAttempts": attempt - 1,
        }
        if attempt >= self._attempts:
            # botocore says so whether the attempt succeeded or not
            metadata["MaxAttemptsReached"] = True
        return metadata

    def _decoded(self, operation: str, body: bytes) -> Answer:
        if not self._api.is_json:
            return _xml_answer(body)
        answer: Answer = msgspec.json.decode(body) if body else {}
        if self.service == "dynamodb" and (b'"B"' in body or b'"BS"' in body):
            answer = _with_bytes(answer)
        if operation == "GetSecretValue":
            if "CreatedDate" in answer:
                answer["CreatedDate"] = datetime.fromtimestamp(answer["CreatedDate"], UTC)
            if "SecretBinary" in answer:
                answer["SecretBinary"] = a2b_base64(answer["SecretBinary"])
        return answer

    def _retry(
        self, attempt: int, response: Response | None, answer: Answer
    ) -> tuple[float, int] | None:
        """Return the seconds before the next attempt and its cost; ``None`` if there is none."""
        code = answer.get("Error", {}).get("Code")
        throttled = code in _THROTTLED_CODES or (response is not None and response.status == 429)
        if not (
            response is None
            or throttled
            or code in _TRANSIENT_CODES
            or response.status in _TRANSIENT_STATUSES
            or (self.service == "dynamodb" and not _is_intact(response))
        ):
            return None
        if attempt >= self._attempts:
            return None
        cost = _THROTTLED_RETRY_COST if throttled else _RETRY_COST
        if not self._quota.acquire(cost):
            if response is not None:
                answer["ResponseMetadata"]["RetryQuotaReached"] = True
            return None
        scale = 1.0 if throttled else _DYNAMODB_SCALE if self.service == "dynamodb" else _SCALE
        delay = random.random() * min(scale * 2 ** (attempt - 1), _MAX_BACKOFF)  # nosec B311
        asked = response.headers.get("x-amz-retry-after", "") if response is not None else ""
        if asked.isdigit():
            delay = max(delay, min(int(asked) / 1000, delay + _MAX_RETRY_AFTER))
        return delay, cost


class _RetryQuota:
    """Stops retries while most requests fail."""

    def __init__(self) -> None:
        self._available = _QUOTA
        self._lock = Lock()

    def acquire(self, cost: int) -> bool:
        with self._lock:
            if cost > self._available:
                return False
            self._available -= cost
            return True

    def release(self, cost: int) -> None:
        if self._available < _QUOTA:
            with self._lock:
                self._available = min(_QUOTA, self._available + cost)


def _botocore_error(error: urllib3.exceptions.HTTPError, url: str) -> Exception:
    """Return the exception of botocore for a request without a response."""
    from botocore import exceptions
    from urllib3 import exceptions as causes

    reason: Exception
    match error:
        case causes.SSLError():
            reason = exceptions.SSLError(endpoint_url=url, error=error)
        case causes.NewConnectionError():
            reason = exceptions.EndpointConnectionError(endpoint_url=url, error=error)
        case causes.ConnectTimeoutError():
            reason = exceptions.ConnectTimeoutError(endpoint_url=url, error=error)
        case causes.ReadTimeoutError():
            reason = exceptions.ReadTimeoutError(endpoint_url=url, error=error)
        case causes.ProtocolError():
            reason = exceptions.ConnectionClosedError(endpoint_url=url, error=error)
        case _:
            reason = exceptions.HTTPClientError(error=error)
    return reason


def _is_intact(response: Response) -> bool:
    checksum = response.headers.get("x-amz-crc32")
    return checksum is None or crc32(response.data) == int(checksum)


def is_generic(body: bytes) -> bool:
    """Return whether the body of an error comes from a load balancer."""
    text = body.strip()
    return not text or text.startswith(b"<html>")


def _json_error(response: Response, headers: Mapping[str, str]) -> Answer:
    members: Any
    try:
        members = msgspec.json.decode(response.data) if response.data else {}
    except (msgspec.MsgspecError, UnicodeDecodeError):
        members = {"message": response.data.decode(errors="replace")}
    code = headers.get("x-amzn-errortype") or members.pop("__type", response.status)
    code = str(code).partition(":")[0].rpartition("#")[2]
    error = {"Message": members.get("message", members.get("Message", "")), "Code": code}
    query_code, _, kind = headers.get("x-amzn-query-error", "").partition(";")
    if query_code and kind:
        error |= {"Code": query_code, "QueryErrorCode": code, "Type": kind}
    return {**members, "Error": error}


def _with_bytes(value: Any) -> Any:
    """Return an answer of DynamoDB with its binary values decoded.

    Only a binary value is an object with the one member ``B`` or ``BS`` and text in it.
    """
    if isinstance(value, list):
        return [_with_bytes(item) for item in value]
    if not isinstance(value, dict):
        return value
    match value:
        case {"B": str(text), **rest} if not rest:
            return {"B": a2b_base64(text)}
        case {"BS": [str(), *_] as texts, **rest} if not rest:
            return {"BS": [a2b_base64(text) for text in texts]}
    return {name: _with_bytes(item) for name, item in value.items()}


def _add_fields(fields: dict[str, str], name: str, value: Any) -> None:
    """Add a value to the form of a request in the query protocol."""
    if name.endswith(".MessageAttributes"):
        for number, (key, item) in enumerate(value.items(), 1):
            fields[f"{name}.entry.{number}.Name"] = key
            _add_fields(fields, f"{name}.entry.{number}.Value", item)
    elif isinstance(value, Mapping):
        for key, item in value.items():
            _add_fields(fields, f"{name}.{key}" if name else key, item)
    elif isinstance(value, (list, tuple)):
        for number, item in enumerate(value, 1):
            _add_fields(fields, f"{name}.member.{number}", item)
    elif isinstance(value, bool):
        fields[name] = "true" if value else "false"
    elif isinstance(value, bytes):
        fields[name] = b2a_base64(value, newline=False).decode()
    else:
        fields[name] = str(value)


def _xml_answer(body: bytes) -> Answer:
    root = parsed_xml(body)
    result = next((child for child in root if child.tag.endswith("Result")), None)
    answer: Answer = {}
    if result is not None:
        answer = {child.tag: [_entry(item) for item in child] for child in result}
    request_id = root.findtext("ResponseMetadata/RequestId")
    if request_id is not None:
        answer["ResponseMetadata"] = {"RequestId": request_id}
    return answer


def _entry(element: "Element") -> dict[str, Any]:
    """Return an entry of the result of a batch."""
    entry: dict[str, Any] = {member.tag: member.text or "" for member in element}
    if "SenderFault" in entry:
        entry["SenderFault"] = entry["SenderFault"] == "true"
    return entry


def _xml_error(body: bytes) -> Answer:
    root = parsed_xml(body)
    error = {member.tag: member.text or "" for member in root.find("Error") or ()}
    request_id = root.findtext("RequestId") or ""
    return {"Error": error, "ResponseMetadata": {"RequestId": request_id}}


def parsed_xml(body: bytes) -> "Element":
    """Return the root of an XML document of AWS, without the namespaces of its tags."""
    # answers of AWS only, which botocore parses in the same way
    from xml.etree import ElementTree  # nosec B405

    root = ElementTree.fromstring(body)  # nosec B314
    for element in root.iter():
        element.tag = element.tag.rpartition("}")[2]
    return root
