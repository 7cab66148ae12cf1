"""Execution of operations by the gateway, independent of the operation."""

import asyncio
from pathlib import Path

from gateway_simulator.errors import Answer, StripeError
from gateway_simulator.gateway import ApiRequest, Call, Gateway
from gateway_simulator.store import Store


def test_failed_operation_stores_its_answer_and_no_change(tmp_path: Path) -> None:
    # GIVEN an operation that fails after its first change
    def fail(call: Call) -> Answer:
        call.work.put("charges", "ch_1", {"id": "ch_1"})
        raise StripeError(400, "Too late.", executed=True)

    store = Store(tmp_path)
    gateway = Gateway(store)
    request = ApiRequest("req_1", "POST", "/v1/charges", "", {}, "k")
    # WHEN it is called twice with the same key
    first = asyncio.run(gateway.execute(fail, request))
    again = asyncio.run(gateway.execute(fail, request))
    # THEN the error is stored and replayed, and the change is discarded
    assert (first.answer, again.original_request) == (again.answer, "req_1")
    assert store.rows("charges") == {}
    store.close()
