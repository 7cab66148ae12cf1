"""How the gateway executes an operation, whatever it is."""

import asyncio
from pathlib import Path

from gateway_simulator.errors import Answer, StripeError
from gateway_simulator.gateway import Call, Gateway, Incoming
from gateway_simulator.store import Store


def test_a_refused_operation_leaves_its_answer_and_nothing_else(tmp_path: Path) -> None:
    # GIVEN an operation that refuses after it has begun to change things
    def refuse(call: Call) -> Answer:
        call.work.put("charges", "ch_1", {"id": "ch_1"})
        raise StripeError(400, "Too late.", executed=True)

    store = Store(tmp_path)
    gateway = Gateway(store)
    incoming = Incoming("req_1", "POST", "/v1/charges", "", {}, "k")
    # WHEN it is called twice with one key
    first = asyncio.run(gateway.answer(refuse, incoming))
    again = asyncio.run(gateway.answer(refuse, incoming))
    # THEN the refusal is kept, and the change is not
    assert (first.answer, again.original_request) == (again.answer, "req_1")
    assert store.rows("charges") == {}
    store.close()
