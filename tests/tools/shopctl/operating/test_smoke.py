"""The smoke test, against a shop that does what a test says."""

import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError
from click.testing import CliRunner, Result

from shopctl.aws.clients import Cloud
from shopctl.cli.main import cli
from shopctl.project.errors import ShopProblem
from shopctl.project.layout import Layout
from support.fake_storefront import SESSION, TOY, order
from toyshop_client._sync import Orders

ORDER = "/api/orders/ord_1"
STAGES = """
[{name}]
account = "111111111111"
region = "eu-west-1"
mode = "cloudformation"
currency = "EUR"
retain_data = true
origin = "{origin}"
aws = "http://127.0.0.1:1"
bucket_suffix = "-trial"
sender_domain = "x.example"
seller_name = "Trial"
seller_address = "1 Trial Street"
seller_tax_number = "1"
{more}
"""


@dataclass
class FakeShop:
    """Answers by method and path; `wrong` ones first; the first response to `lost` ones is lost."""

    wrong: dict[str, tuple[int, Any]] = field(default_factory=dict)
    lost: set[str] = field(default_factory=set)
    asked: list[str] = field(default_factory=list)
    keys: list[str] = field(default_factory=list)
    payment: str = "succeeded"
    port: int = 0

    @property
    def origin(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def answer(self, key: str) -> tuple[int, Any]:
        self.asked.append(key)
        if key in self.wrong:
            return self.wrong[key]
        if key == f"POST {ORDER}/cancellation":
            self.payment = "refunded"
        placed = {**order(self.payment), "receipt": True}
        return {
            "GET /": (200, b"<!doctype html><html></html>"),
            "GET /api/health": (200, {"status": "ok", "services": {"toys": "ok"}}),
            "GET /api/openapi.json": (200, {"openapi": "3.1.0", "paths": {"/toys": {}}}),
            "GET /api/toys": (200, {"items": [TOY], "next_cursor": None, "total": 1}),
            "GET /api/toys/toy_1": (200, TOY),
            "POST /api/users": (201, {"id": "usr_1", "email": "x@example.com", "name": "X"}),
            "POST /api/sessions": (200, SESSION),
            "POST /api/orders": (201, placed),
            f"GET {ORDER}": (200, placed),
            f"GET {ORDER}/receipt": (303, b""),
            "GET /receipt": (200, b"%PDF-1.7"),
            f"POST {ORDER}/cancellation": (202, placed),
        }[key]


@pytest.fixture
def shop() -> Iterator[FakeShop]:
    fake = FakeShop()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            request = f"{self.command} {self.path.partition('?')[0]}"
            if key := self.headers["Idempotency-Key"]:
                fake.keys.append(key)
            status, content = fake.answer(request)
            if request in fake.lost:
                fake.lost.remove(request)
                self.close_connection = True
                return
            body = content if isinstance(content, bytes) else json.dumps(content).encode()
            self.send_response(status)
            if status == 303:
                self.send_header("Location", f"{fake.origin}/receipt?X-Signature=secret")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        do_POST = do_GET  # noqa: N815 - http.server's name

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    fake.port = server.server_port
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    yield fake
    server.shutdown()
    thread.join()
    server.server_close()


def smoke(*arguments: str) -> Result:
    return CliRunner().invoke(cli, ["smoke", "--patience", "0.1", *arguments])


def test_walk_through_a_healthy_shop(shop: FakeShop) -> None:
    result = smoke("--url", shop.origin, "--order")
    steps = [line.split()[1].rstrip(":") for line in result.output.splitlines()]
    assert steps == [
        *("web", "health", "openapi", "toys", "sign-up", "sign-in", "order"),
        *("payment", "receipt", "cancellation", "refund"),
    ]
    assert result.exit_code == 0
    assert shop.payment == "refunded"


@pytest.mark.parametrize(
    ("request_", "answer", "sentence"),
    [
        ("GET /", (200, b"AccessDenied"), "web page: it is not an HTML page."),
        (
            "GET /api/health",
            (503, {"status": "degraded", "services": {"toys": "down", "orders": "ok"}}),
            "health: toys down, after 0 s.",
        ),
        ("GET /api/openapi.json", (200, {}), "openapi: it is not an OpenAPI document."),
        (
            "GET /api/toys",
            (200, {"items": [], "next_cursor": None, "total": 0}),
            "toys: there are none; add one to the catalogue.",
        ),
        ("GET /api/toys/toy_1", (500, b""), "toys: the shop answers 500 Internal Server Error."),
        (
            "POST /api/users",
            (409, {"detail": "There is one."}),
            "sign-up: the shop answers 409 There is one.",
        ),
        (
            "POST /api/sessions",
            (200, {}),
            "sign-in: the answer to POST /sessions does not match the API: Object missing",
        ),
        (
            "POST /api/orders",
            (503, b"not JSON"),
            "order: the shop answers 503 Service Unavailable.",
        ),
        ("GET /receipt", (200, b"<Error/>"), "receipt: it is not a PDF."),
        ("GET /receipt", (403, b""), "receipt: the storage answers 403 to the download."),
        (f"POST {ORDER}/cancellation", (500, b""), "cancellation: the shop answers 500 Internal "),
    ],
)
def test_first_failure_is_reported(
    shop: FakeShop, request_: str, answer: tuple[int, Any], sentence: str
) -> None:
    shop.wrong[request_] = answer
    result = smoke("--url", shop.origin, "--order")
    assert isinstance(result.exception, ShopProblem)
    assert result.exception.what.startswith("The smoke test failed at ")
    assert sentence in result.exception.what
    # the query of a presigned URL is not shown
    assert "secret" not in result.exception.what


def test_order_that_is_not_paid_is_cancelled(shop: FakeShop) -> None:
    shop.payment = "pending"
    result = smoke("--url", shop.origin, "--order")
    assert "payment: the order is not paid, after 0 s" in str(result.exception)
    assert shop.asked[-1] == f"POST {ORDER}/cancellation"


def test_order_whose_response_is_lost_is_cancelled(shop: FakeShop) -> None:
    # GIVEN a shop that accepts the order, and whose response is lost
    shop.lost.add("POST /api/orders")
    # WHEN the smoke test runs
    result = smoke("--url", shop.origin, "--order")
    # THEN the request is repeated with the same key, and the order is cancelled
    assert shop.asked[-3:] == ["POST /api/orders"] * 2 + [f"POST {ORDER}/cancellation"]
    assert len(shop.keys) == 2
    assert len(set(shop.keys)) == 1
    # AND the test fails with the original problem
    assert isinstance(result.exception, ShopProblem)
    assert result.exception.what.startswith("The smoke test failed at order: ")
    assert "disconnected" in result.exception.what
    assert (
        "Repeating the request returned order ord_1, which was cancelled." in result.exception.what
    )


def test_order_of_an_interrupted_request_is_cancelled(
    shop: FakeShop, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = Orders.place

    def interrupted(*arguments: Any, **named: Any) -> Any:
        placed = place(*arguments, **named)
        if len(shop.keys) == 1:
            raise KeyboardInterrupt
        return placed

    monkeypatch.setattr(Orders, "place", interrupted)
    result = smoke("--url", shop.origin, "--order")
    assert result.exit_code != 0
    assert "order ord_1, which was cancelled." in result.output
    assert len(set(shop.keys)) == 1
    assert shop.asked[-1] == f"POST {ORDER}/cancellation"


@pytest.mark.parametrize(
    ("request_", "sentence"),
    [
        ("POST /api/orders", "Repeating the request failed, too: the shop answers 503"),
        (
            f"POST {ORDER}/cancellation",
            "order ord_1, which could not be cancelled: the shop answers 503",
        ),
    ],
)
def test_order_that_may_remain_is_named(shop: FakeShop, request_: str, sentence: str) -> None:
    shop.lost.add("POST /api/orders")
    shop.wrong[request_] = (503, b"")
    result = smoke("--url", shop.origin, "--order")
    assert isinstance(result.exception, ShopProblem)
    assert sentence in result.exception.what
    assert "As staff, cancel" in result.exception.remedy
    assert "smoke-" in result.exception.remedy


def test_refused_order_is_not_placed_again(shop: FakeShop) -> None:
    shop.wrong["POST /api/orders"] = (422, {"detail": "It is sold out."})
    result = smoke("--url", shop.origin, "--order")
    assert "order: the shop answers 422 It is sold out." in str(result.exception)
    assert shop.asked.count("POST /api/orders") == 1


def test_shop_that_does_not_answer(shop: FakeShop) -> None:
    result = smoke("--url", "http://127.0.0.1:1")
    assert "web page: http://127.0.0.1:1 does not answer: " in str(result.exception)
    assert isinstance(result.exception, ShopProblem)
    assert result.exception.remedy.startswith("Check the URL")


def test_wrong_password_is_named(shop: FakeShop) -> None:
    shop.wrong["POST /api/sessions"] = (401, {"detail": "Email or password is wrong."})
    result = smoke("--url", shop.origin, "--order")
    assert isinstance(result.exception, ShopProblem)
    assert result.exception.what.endswith("answers 401 Email or password is wrong.")
    assert result.exception.remedy == "Check SHOP_SMOKE_EMAIL and SHOP_SMOKE_PASSWORD."


@pytest.mark.parametrize("more", ["", "auto_confirm_users = true"])
def test_no_order_is_placed_where_money_is_real(
    shop: FakeShop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, more: str
) -> None:
    # GIVEN a stage that does not say test_payments
    path = tmp_path / "stages.toml"
    path.write_text(STAGES.format(name="prod", origin=shop.origin, more=more))
    monkeypatch.setattr(Layout, "find", lambda: Layout(tmp_path, tmp_path))
    # WHEN the smoke test runs
    result = smoke("--stage", "prod")
    # THEN it only reads
    assert result.exit_code == 0
    assert result.output.endswith("No order was placed.\n")
    assert [key for key in shop.asked if key.startswith("POST")] == []
    # AND an order is refused on request, too
    refused = smoke("--stage", "prod", "--order")
    assert "takes real money" in str(refused.exception)


def test_stage_without_a_domain_name_is_tested_at_its_distribution(
    shop: FakeShop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    content = STAGES.format(name="st", origin="", more="")
    (tmp_path / "stages.toml").write_text(content)
    monkeypatch.setattr(Layout, "find", lambda: Layout(tmp_path, tmp_path))
    monkeypatch.setattr(Cloud, "account", lambda _: "111111111111")
    published = {"edge/origin": shop.origin}
    monkeypatch.setattr("shopctl.aws.ssm_parameters.read", lambda _: published)
    assert smoke("--stage", "st").exit_code == 0
    assert "GET /" in shop.asked
    # AND before there is one, the command says so
    published.clear()
    assert "has no edge yet" in str(smoke("--stage", "st").exception)


@pytest.mark.parametrize("account", ["111111111111", "222222222222"])
def test_pipeline_without_access_to_the_stage_is_told_that_it_needs_an_origin(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, account: str
) -> None:
    def denied(_: Cloud) -> None:
        raise ClientError({"Error": {"Code": "AccessDenied"}}, "GetParametersByPath")

    # GIVEN a stage without an origin, and credentials that cannot read the stage's parameters
    (tmp_path / "stages.toml").write_text(STAGES.format(name="st", origin="", more=""))
    monkeypatch.setattr(Layout, "find", lambda: Layout(tmp_path, tmp_path))
    monkeypatch.setattr(Cloud, "account", lambda _: account)
    monkeypatch.setattr("shopctl.aws.ssm_parameters.read", denied)
    # WHEN the smoke test runs THEN it says what the pipeline needs
    error = smoke("--stage", "st").exception
    assert isinstance(error, ShopProblem)
    assert "has no origin in stages.toml" in error.what
    assert "its stages need an origin" in error.remedy


def test_stage_that_confirms_addresses_needs_a_known_customer(
    shop: FakeShop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "stages.toml"
    path.write_text(STAGES.format(name="st", origin=shop.origin, more="test_payments = true"))
    monkeypatch.setattr(Layout, "find", lambda: Layout(tmp_path, tmp_path))
    refused = smoke("--stage", "st")
    assert "has to confirm an email address" in str(refused.exception)
    assert shop.asked == []
    monkeypatch.setenv("SHOP_SMOKE_EMAIL", "smoke@example.com")
    monkeypatch.setenv("SHOP_SMOKE_PASSWORD", "Secret")
    done = smoke("--stage", "st")
    assert done.exit_code == 0, done.exception
    assert "Secret" not in done.output
    assert "POST /api/users" not in shop.asked
    assert "POST /api/orders" in shop.asked


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ((), "Give a --stage or a --url."),
        (("--url", "file:///etc/passwd"), "--url must begin with https:// or http://."),
        (
            ("--url", "http://x", "--order", "--read-only"),
            "--order and --read-only cannot be combined.",
        ),
    ],
)
def test_invalid_arguments_are_refused(arguments: tuple[str, ...], sentence: str) -> None:
    assert sentence in smoke(*arguments).output
