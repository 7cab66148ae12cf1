"""What the embedded AWS refuses: unsigned and wrongly signed S3 requests, and web pages."""

import json
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

import boto3
import pytest
import requests
from botocore.auth import S3SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.config import Config
from botocore.credentials import Credentials
from botocore.exceptions import ClientError

from support.embedded_aws import EmbeddedAws

PAGE = "http://127.0.0.1:8000"
EVIL = "https://evil.example"
PRIVATE = "receipts"
PUBLIC = "pictures"
SIMPLE = {"Content-Type": "text/plain", "Origin": EVIL, "Sec-Fetch-Site": "cross-site"}
GET_ALL = {"Effect": "Allow", "Principal": "*", "Action": "s3:GetObject"}


@dataclass
class Buckets:
    """A private and a public bucket, and requests to them."""

    url: str
    s3: Any

    def send(self, method: str, path: str, **options: Any) -> requests.Response:
        return requests.request(method, self.url + path, timeout=10, **options)

    def link(self, operation: str = "get_object", key: str = "secret", seconds: int = 60) -> str:
        return str(
            self.s3.generate_presigned_url(
                operation, Params={"Bucket": PRIVATE, "Key": key}, ExpiresIn=seconds
            )
        )

    def upload(self, change: dict[str, str], **headers: str) -> requests.Response:
        """Upload by a signed form, some of whose fields have been changed."""
        form = self.s3.generate_presigned_post(PRIVATE, "uploaded")
        fields = form["fields"] | change
        return requests.post(
            form["url"], data=fields, files={"file": b"new"}, headers=headers, timeout=10
        )

    def keys(self) -> list[str]:
        return [one["Key"] for one in self.s3.list_objects_v2(Bucket=PRIVATE)["Contents"]]


def client(aws: EmbeddedAws, **credentials: str) -> Any:
    assert aws.process
    return boto3.client(
        "s3",
        endpoint_url=aws.process.url,
        region_name="us-east-1",
        config=Config(signature_version="s3v4", s3={"addressing_style": "path"}),
        **{
            "aws_access_key_id": "000000000000",
            "aws_secret_access_key": "local",
            **credentials,
        },
    )


@pytest.fixture(scope="module", params=["aws", "guarded"])
def buckets(request: pytest.FixtureRequest) -> Buckets:
    aws: EmbeddedAws = request.getfixturevalue(request.param)
    s3 = client(aws)
    for name in (PRIVATE, PUBLIC):
        s3.create_bucket(Bucket=name)
        s3.put_object(Bucket=name, Key="secret", Body=b"content")
    rule = {"AllowedOrigins": ["http://127.0.0.1:*"], "AllowedMethods": ["GET", "HEAD", "POST"]}
    rule["AllowedHeaders"] = ["*"]
    s3.put_bucket_cors(Bucket=PRIVATE, CORSConfiguration={"CORSRules": [rule]})
    s3.delete_public_access_block(Bucket=PUBLIC)
    statement = {**GET_ALL, "Resource": f"arn:aws:s3:::{PUBLIC}/*"}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    s3.put_bucket_policy(Bucket=PUBLIC, Policy=policy)
    assert aws.process
    return Buckets(aws.process.url, s3)


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/"),
        ("GET", f"/{PRIVATE}"),
        ("GET", f"/{PRIVATE}?list-type=2"),
        ("HEAD", f"/{PRIVATE}"),
        ("GET", f"/{PRIVATE}/secret"),
        ("GET", f"/{PRIVATE}/absent"),
        ("HEAD", f"/{PRIVATE}/secret"),
        ("PUT", f"/{PRIVATE}/secret"),
        ("PUT", f"/{PRIVATE}?cors"),
        ("PUT", "/another"),
        ("POST", f"/{PRIVATE}"),
        ("POST", f"/{PRIVATE}?delete"),
        ("DELETE", f"/{PRIVATE}/secret"),
        ("DELETE", f"/{PRIVATE}"),
        ("GET", f"/{PUBLIC}"),
        ("PUT", f"/{PUBLIC}/secret"),
        ("DELETE", f"/{PUBLIC}/secret"),
    ],
)
def test_unsigned_request_is_denied(buckets: Buckets, method: str, path: str) -> None:
    answer = buckets.send(method, path)
    assert answer.status_code == 403
    if method != "HEAD":
        assert "<Code>AccessDenied</Code>" in answer.text
    assert b"content" not in answer.content
    assert buckets.keys() == ["secret"]


def test_object_that_a_policy_makes_public_is_read_unsigned(buckets: Buckets) -> None:
    answer = buckets.send("GET", f"/{PUBLIC}/secret")
    assert (answer.status_code, answer.content) == (200, b"content")
    assert not [name for name in answer.headers if name.lower().startswith("access-control")]


def test_unsigned_form_is_denied(buckets: Buckets) -> None:
    answer = buckets.send("POST", f"/{PRIVATE}", data={"key": "uploaded"}, files={"file": b"new"})
    assert (answer.status_code, buckets.keys()) == (403, ["secret"])


@pytest.mark.parametrize(
    "change",
    [
        {"x-amz-signature": "0" * 64},
        {"x-amz-credential": "999999999999/20260101/us-east-1/s3"},
        {"key": "other"},
    ],
)
def test_form_with_a_wrong_field_is_denied(buckets: Buckets, change: dict[str, str]) -> None:
    assert buckets.upload(change).status_code == 403
    assert buckets.keys() == ["secret"]


def test_signed_requests_work(buckets: Buckets) -> None:
    # WHEN objects are written by a form, a link and a signed request, and read
    odd = "a b+c/ü~(1).png"
    assert buckets.upload({}).status_code == 204
    assert requests.put(buckets.link("put_object", odd), b"new", timeout=10).status_code == 200
    read = buckets.s3.get_object(Bucket=PRIVATE, Key=odd)["Body"].read()
    assert (read, requests.get(buckets.link(key=odd), timeout=10).content) == (b"new", b"new")
    # THEN all are there
    assert sorted(buckets.keys()) == [odd, "secret", "uploaded"]
    for key in (odd, "uploaded"):
        buckets.s3.delete_object(Bucket=PRIVATE, Key=key)
    assert buckets.keys() == ["secret"]


@pytest.mark.parametrize(
    "change",
    [
        {"X-Amz-Signature": "0" * 64},
        {"X-Amz-Expires": "3600"},
        {"X-Amz-Expires": ""},
        {"X-Amz-Expires": "never"},
        {"X-Amz-Expires": "604801"},
        {"X-Amz-Date": "20200101T000000Z"},
        {"X-Amz-Date": "yesterday"},
        {"X-Amz-Algorithm": "AWS4-ECDSA-P256-SHA256"},
        {"X-Amz-Credential": "000000000000"},
    ],
)
def test_changed_link_is_denied(buckets: Buckets, change: dict[str, str]) -> None:
    parts = urlsplit(buckets.link())
    query = dict(parse_qsl(parts.query)) | change
    answer = buckets.send("GET", f"{parts.path}?{urlencode(query)}")
    assert (answer.status_code, b"content" in answer.content) == (403, False)


@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "DELETE"])
@pytest.mark.parametrize("path", [f"/{PRIVATE}/secret", f"/{PRIVATE}"])
@pytest.mark.parametrize("signature", ["", "&X-Amz-Signature=0", "&x-amz-signature=0"])
def test_link_with_an_empty_signature_is_denied(
    buckets: Buckets, method: str, path: str, signature: str
) -> None:
    query = {**dict(parse_qsl(urlsplit(buckets.link()).query)), "X-Amz-Signature": ""}
    answer = buckets.send(method, f"{path}?{urlencode(query)}{signature}")
    assert (answer.status_code, b"content" in answer.content) == (403, False)
    assert buckets.keys() == ["secret"]


def test_link_without_an_end_or_with_a_wrong_key_is_denied(buckets: Buckets) -> None:
    parts = urlsplit(buckets.link())
    query = dict(parse_qsl(parts.query))
    del query["X-Amz-Expires"]
    assert buckets.send("GET", f"{parts.path}?{urlencode(query)}").status_code == 403
    assert buckets.send("GET", f"/{PUBLIC}?{parts.query}").status_code == 403
    assert requests.get(buckets.link(seconds=-1), timeout=10).status_code == 403


@pytest.mark.parametrize(("minutes", "link_status"), [(-30, 200), (0, 200), (30, 403)])
def test_signature_is_valid_in_its_time_only(
    buckets: Buckets, monkeypatch: pytest.MonkeyPatch, minutes: int, link_status: int
) -> None:
    # GIVEN a client whose clock is wrong
    signed_at = datetime.now(UTC) + timedelta(minutes=minutes)
    monkeypatch.setattr("botocore.auth.get_current_datetime", lambda: signed_at)
    # WHEN it sends a signed request, which is valid for 15 minutes, and a link for an hour
    link = requests.get(buckets.link(seconds=3600), timeout=10)
    signed = AWSRequest("GET", f"{buckets.url}/{PRIVATE}/secret")
    S3SigV4Auth(Credentials("000000000000", "local"), "s3", "us-east-1").add_auth(signed)
    request = buckets.send("GET", f"/{PRIVATE}/secret", headers=dict(signed.headers))
    # THEN both are verified against the time
    assert link.status_code == link_status
    assert request.status_code == (403 if minutes else 200)


@pytest.mark.parametrize(
    "credentials",
    [
        {"aws_secret_access_key": "wrong"},
        {"aws_access_key_id": "AKIAUNKNOWN"},
        {"aws_access_key_id": "AKIAUNKNOWN", "aws_session_token": "token"},
    ],
)
def test_wrongly_signed_request_is_denied(
    request: pytest.FixtureRequest, buckets: Buckets, credentials: dict[str, str]
) -> None:
    name = request.node.callspec.params["buckets"]
    stranger = client(request.getfixturevalue(name), **credentials)
    with pytest.raises(ClientError) as caught:
        stranger.list_objects_v2(Bucket=PRIVATE)
    assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 403


def test_session_of_a_role_signs_requests_links_and_forms(guarded: EmbeddedAws) -> None:
    # GIVEN a role that may use its bucket, as functions have with IAM
    client(guarded).create_bucket(Bucket="of-role")
    guarded.role("reader", "s3:*", "*")
    arn = "arn:aws:iam::000000000000:role/reader"
    found = guarded.client("sts").assume_role(RoleArn=arn, RoleSessionName="session")["Credentials"]
    key, secret = found["AccessKeyId"], found["SecretAccessKey"]
    keys = {"aws_access_key_id": key, "aws_secret_access_key": secret}
    s3 = client(guarded, **keys, aws_session_token=found["SessionToken"])
    # WHEN it writes and reads by a request, a link and a form
    s3.put_object(Bucket="of-role", Key="a", Body=b"content")
    link = s3.generate_presigned_url("get_object", Params={"Bucket": "of-role", "Key": "a"})
    form = s3.generate_presigned_post("of-role", "b")
    sent = requests.post(form["url"], data=form["fields"], files={"file": b"b"}, timeout=10)
    # THEN all succeed, but not with a wrong token
    assert (requests.get(link, timeout=10).content, sent.status_code) == (b"content", 204)
    with pytest.raises(ClientError):
        client(guarded, **keys, aws_session_token="other").head_object(Bucket="of-role", Key="a")


def test_page_of_the_bucket_configuration_reads_and_uploads(buckets: Buckets) -> None:
    read = requests.get(buckets.link(), headers={"Origin": PAGE}, timeout=10)
    written = buckets.upload({}, Origin=PAGE, **{"Sec-Fetch-Site": "same-site"})
    buckets.s3.delete_object(Bucket=PRIVATE, Key="uploaded")
    assert (read.content, written.status_code) == (b"content", 204)
    for answer in (read, written):
        assert answer.headers["Access-Control-Allow-Origin"] == PAGE


@pytest.mark.parametrize(
    ("origin", "method", "status"),
    [(PAGE, "GET", 200), (PAGE, "PUT", 403), (EVIL, "GET", 403), ("null", "GET", 403)],
)
def test_preflight_is_answered_by_the_bucket_configuration(
    buckets: Buckets, origin: str, method: str, status: int
) -> None:
    asked = {"Origin": origin, "Access-Control-Request-Method": method}
    answer = requests.options(buckets.link(), headers=asked, timeout=10)
    granted = {200: origin}.get(status)
    assert answer.status_code == status
    assert answer.headers.get("Access-Control-Allow-Origin") == granted


@pytest.mark.parametrize("origin", [EVIL, "null", "http://localhost:8000"])
def test_other_page_neither_reads_nor_uploads(buckets: Buckets, origin: str) -> None:
    # GIVEN a page that signs with the published keys
    read = requests.get(buckets.link(), headers={"Origin": origin}, timeout=10)
    written = buckets.upload({}, Origin=origin)
    assert (read.status_code, written.status_code) == (403, 403)
    assert "Access-Control-Allow-Origin" not in {**read.headers, **written.headers}
    assert buckets.keys() == ["secret"]


def test_link_of_another_page_writes_nothing(buckets: Buckets) -> None:
    link = buckets.link("delete_object")
    answer = requests.delete(link, headers={"Sec-Fetch-Site": "cross-site"}, timeout=10)
    assert (answer.status_code, buckets.keys()) == (403, ["secret"])


def test_form_of_another_account_is_accepted(aws: EmbeddedAws) -> None:
    s3 = client(aws, aws_access_key_id="222222222222")
    s3.create_bucket(Bucket="of-another-account")
    form = s3.generate_presigned_post("of-another-account", "a")
    sent = requests.post(form["url"], data=form["fields"], files={"file": b"b"}, timeout=10)
    assert sent.status_code == 204


def test_link_opens_from_another_page(buckets: Buckets) -> None:
    headers = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate"}
    answer = requests.get(buckets.link(), headers=headers, timeout=10)
    assert answer.content == b"content"
    assert "Access-Control-Allow-Origin" not in answer.headers


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("POST", "/_ministack/reset", ""),
        ("POST", "/_ministack/config", "{}"),
        ("GET", "/_ministack/ses/messages", None),
        ("POST", "/_toyshop/faults", '{"fail": 1}'),
        ("GET", "/_toyshop/faults", None),
        ("POST", "/_toyshop/checkpoint", ""),
        ("POST", "/_toyshop/warm-up", ""),
        ("GET", "/_toyshop/activity", None),
        ("POST", "/", "Action=ListQueues"),
        ("GET", "/?Action=ListTopics", None),
        ("GET", f"/{PRIVATE}?Action=ListTopics&X-Amz-Signature=0", None),
        ("GET", f"/{PUBLIC}/secret", None),
        ("POST", "/restapis/any/api/_user_request_/payments", "{}"),
        ("OPTIONS", "/", None),
    ],
)
def test_other_page_reaches_neither_services_nor_control_paths(
    buckets: Buckets, method: str, path: str, body: str | None
) -> None:
    for headers in (SIMPLE, {"Origin": PAGE}, {"Sec-Fetch-Site": "same-site"}):
        answer = buckets.send(method, path, data=body, headers=headers)
        assert answer.status_code == 403, headers
        assert not [name for name in answer.headers if name.lower().startswith("access-control")]
    assert not buckets.send("GET", "/_toyshop/faults").json()["fail"]
    assert buckets.keys() == ["secret"]


@pytest.mark.parametrize("host", ["evil.example", "evil.example:4566", "127.0.0.1.evil.example"])
@pytest.mark.parametrize("path", ["/_toyshop/activity", "/_ministack/health", f"/{PUBLIC}/secret"])
def test_request_to_another_host_name_is_denied(buckets: Buckets, host: str, path: str) -> None:
    answer = buckets.send("GET", path, headers={"Host": host})
    assert (answer.status_code, b"content" in answer.content) == (403, False)


@pytest.mark.parametrize("name", ["127.0.0.1", "localhost"])
def test_address_that_a_person_types_is_answered(buckets: Buckets, name: str) -> None:
    url = f"http://{name}:{urlsplit(buckets.url).port}/_toyshop/activity"
    answer = requests.get(url, headers={"Sec-Fetch-Site": "none"}, timeout=10)
    assert answer.status_code == 200


def test_no_answer_of_a_service_has_cors_headers(buckets: Buckets) -> None:
    for path in ("/?Action=ListTopics", "/_ministack/health", "/_toyshop/activity"):
        answer = buckets.send("GET", path)
        assert not [name for name in answer.headers if name.lower().startswith("access-control")]
