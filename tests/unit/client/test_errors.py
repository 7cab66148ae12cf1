"""Error responses become exceptions, whatever they contain."""

import pickle
from typing import Any

import httpx
import pytest

from support.fake_storefront import LINE, MONEY, FakeStorefront, problem
from toyshop_client import errors
from toyshop_client.errors import ProblemError, ToyShopError, problem_error


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, errors.BadRequest),
        (401, errors.Unauthorized),
        (403, errors.Forbidden),
        (404, errors.NotFound),
        (405, errors.MethodNotAllowed),
        (409, errors.Conflict),
        (412, errors.PreconditionFailed),
        (413, errors.TooLarge),
        (415, errors.UnsupportedMediaType),
        (418, ProblemError),
        (422, errors.ValidationFailed),
        (428, errors.PreconditionRequired),
        (429, errors.RateLimited),
        (500, errors.ServerFailed),
        (503, errors.Unavailable),
        (599, errors.ServerFailed),
    ],
)
def test_each_status_has_an_exception(
    shop: Any, storefront: FakeStorefront, status: int, kind: type[ProblemError]
) -> None:
    storefront.on("GET /toys/toy_1", problem(status, type="/problems.html#new-kind", more=1))
    with pytest.raises(ToyShopError) as caught:
        shop.toys.get("toy_1")
    error = caught.value
    assert type(error) is kind
    assert (error.status, error.title, error.detail) == (status, "Title", "What happened.")
    # AND what no version of the client knows is available, too
    assert error.type == "/problems.html#new-kind"
    assert error.members["more"] == 1


@pytest.mark.parametrize("page", ["/problems.html#", "https://x/docs/problems/", ""])
@pytest.mark.parametrize(
    ("name", "status", "kind"),
    [
        ("price-changed", 409, errors.PriceChanged),
        ("idempotency-key-reused", 422, errors.IdempotencyKeyReused),
    ],
)
def test_exception_depends_on_the_last_part_of_the_type(
    page: str, name: str, status: int, kind: type[ProblemError]
) -> None:
    members = {"type": f"{page}{name}", "lines": [LINE], "total": MONEY}
    assert type(problem_error(status, members)) is kind


def test_fields_that_are_not_valid_are_named() -> None:
    wrong = {"pointer": "/lines/0/quantity", "detail": "At least 1", "code": "too_small"}
    error = problem_error(422, {"detail": "The body is not valid.", "errors": [wrong]})
    assert str(error) == "422 The body is not valid. /lines/0/quantity: At least 1"
    (found,) = error.errors
    assert (found.pointer, found.detail, found.code) == tuple(wrong.values())


@pytest.mark.parametrize(
    "members",
    [
        {"type": "#price-changed", "detail": "Changed."},
        {"type": "#price-changed", "detail": "Changed.", "lines": [1], "total": "1"},
        {"type": 1, "errors": "many", "detail": "Changed."},
    ],
)
def test_incomplete_problem_is_still_usable(members: dict[str, Any]) -> None:
    error = problem_error(409, members)
    assert type(error) is errors.Conflict
    assert str(error) == "409 Changed."


@pytest.mark.parametrize("content", [b"<html>Bad Gateway</html>", b"", b"[1]", b"\xff"])
def test_error_without_a_problem_document_is_raised_by_status(
    shop: Any, storefront: FakeStorefront, content: bytes
) -> None:
    storefront.on("GET /toys/toy_1", httpx.Response(404, content=content))
    with pytest.raises(errors.NotFound, match="404 Not Found"):
        shop.toys.get("toy_1")


def test_problem_with_the_status_of_success_is_an_error(
    shop: Any, storefront: FakeStorefront
) -> None:
    # a 503 of the shop's health has its own body, one of the edge is a problem
    storefront.on("GET /health", problem(503))
    with pytest.raises(errors.Unavailable):
        shop.health()


def test_errors_can_be_sent_to_another_process() -> None:
    error = problem_error(409, {"type": "#price-changed", "lines": [LINE], "total": MONEY}, 2.0)
    copy = pickle.loads(pickle.dumps(error))
    assert type(copy) is errors.PriceChanged
    assert (copy.total, copy.retry_after) == (error.total, 2.0)  # type: ignore[attr-defined]
