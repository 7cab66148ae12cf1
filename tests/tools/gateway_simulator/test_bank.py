"""The bank's page, on which a shopper confirms or refuses a payment in a browser."""

from typing import Any

import pytest


async def waiting(simulator: Any) -> tuple[str, str]:
    """Return the id of an intent that requires an action, and the path of its page."""
    intent = await simulator.create()
    await simulator.confirm(intent, "pm_card_authenticationRequired")
    secret = (await simulator.retrieve(intent))["client_secret"]
    return intent, f"/bank/{secret}"


async def browse(
    simulator: Any, method: str, path: str, data: Any = None, **headers: str
) -> tuple[int, str]:
    async with simulator.http.request(method, path, data=data, headers=headers) as response:
        return response.status, await response.text()


def own_origin(simulator: Any) -> str:
    return str(simulator.http.make_url("/")).rstrip("/")


@pytest.mark.parametrize(
    ("outcome", "status", "entry"),
    [
        ("succeeded", "succeeded", "succeeded"),
        ("failed", "requires_payment_method", "failed"),
        ("closed", "requires_action", "requires_action"),
    ],
)
def test_shopper_decides_on_the_page(simulate: Any, outcome: str, status: str, entry: str) -> None:
    async def scenario(simulator: Any) -> None:
        intent, path = await waiting(simulator)
        # a link on the shop's page opens it
        code, page = await browse(simulator, "GET", path, **{"Sec-Fetch-Site": "same-site"})
        assert (code, "Confirm" in page, "AUD 29.99" in page) == (200, True, True)
        code, page = await browse(
            simulator, "POST", path, {"outcome": outcome}, Origin=own_origin(simulator)
        )
        assert (code, "close this page" in page) == (200, True)
        assert (await simulator.retrieve(intent))["status"] == status
        (charge,) = await simulator.ledger()
        assert charge["status"] == entry

    simulate(scenario)


def test_decision_is_made_once(simulate: Any) -> None:
    async def scenario(simulator: Any) -> None:
        intent, path = await waiting(simulator)
        origin = own_origin(simulator)
        await browse(simulator, "POST", path, {"outcome": "succeeded"}, Origin=origin)
        code, page = await browse(simulator, "POST", path, {"outcome": "failed"}, Origin=origin)
        assert (code, "no confirmation any more" in page) == (409, True)
        code, page = await browse(simulator, "GET", path)
        assert (code, "no confirmation any more" in page) == (200, True)
        assert (await simulator.retrieve(intent))["status"] == "succeeded"

    simulate(scenario)


def test_page_needs_the_secret_and_a_valid_decision(simulate: Any) -> None:
    async def scenario(simulator: Any) -> None:
        intent, path = await waiting(simulator)
        origin = own_origin(simulator)
        for wrong in (f"{path}x", f"/bank/{intent}", f"/bank/{intent}_secret_", "/bank/pi_none"):
            assert (await browse(simulator, "GET", wrong))[0] == 404
            sent = await browse(simulator, "POST", wrong, {"outcome": "failed"}, Origin=origin)
            assert sent[0] == 404
        for decision in ({}, {"outcome": "refunded"}):
            assert (await browse(simulator, "POST", path, decision, Origin=origin))[0] == 400
        assert (await simulator.retrieve(intent))["status"] == "requires_action"

    simulate(scenario)


@pytest.mark.parametrize(
    "headers",
    [{"Origin": "https://example.com"}, {"Origin": "null"}, {}, {"Host": "rebound.example"}],
)
def test_form_of_another_page_is_refused(simulate: Any, headers: dict[str, str]) -> None:
    async def scenario(simulator: Any) -> None:
        intent, path = await waiting(simulator)
        code, _ = await browse(simulator, "POST", path, {"outcome": "succeeded"}, **headers)
        assert code == 403
        assert (await simulator.retrieve(intent))["status"] == "requires_action"

    simulate(scenario)


def test_page_cannot_be_framed_or_run_scripts(simulate: Any) -> None:
    async def scenario(simulator: Any) -> None:
        _, path = await waiting(simulator)
        async with simulator.http.get(path) as response:
            assert response.headers["Content-Type"].startswith("text/html")
            policy = response.headers["Content-Security-Policy"]
            assert "default-src 'none'" in policy
            assert "frame-ancestors 'none'" in policy
            assert response.headers["Cache-Control"] == "no-store"
            assert "<script" not in await response.text()

    simulate(scenario)
