"""What people do in the gateway's dashboard, and what banks do to payments.

Unlike requests of the shop, these actions have no idempotency key and no metadata of the shop.
"""

from collections.abc import Callable
from typing import NamedTuple

from gateway_simulator import disputes, intents, refunds
from gateway_simulator.errors import Answer, no_such
from gateway_simulator.forms import Params
from gateway_simulator.store import UnitOfWork


class Action(NamedTuple):
    """An action of the dashboard.

    Attributes
    ----------
    fields
        The fields that its body may have.
    run
        Carries it out on the object whose id is in the path, which is empty if there is none.
    """

    fields: tuple[str, ...]
    run: Callable[[UnitOfWork, str, Params], Answer]


def _refund(work: UnitOfWork, _: str, params: Params) -> Answer:
    params.required_string("payment_intent")
    return refunds.create(work, params, None)


def _fail_refund(work: UnitOfWork, identifier: str, _: Params) -> Answer:
    return refunds.fail(work, identifier)


def _open_dispute(work: UnitOfWork, _: str, params: Params) -> Answer:
    intent_id = params.required_string("payment_intent")
    intent = work.get(intents.TABLE, intent_id)
    if intent is None:
        raise no_such("payment_intent", intent_id, "payment_intent")
    kind = params.choice("kind", ("chargeback", "inquiry"))
    return disputes.create(
        work,
        refunds.paid_charge(work, intent),
        params.integer("amount"),
        "inquiry" if kind == "inquiry" else "chargeback",
        params.string("reason") or "fraudulent",
    )


def _close_dispute(work: UnitOfWork, identifier: str, params: Params) -> Answer:
    params.required_string("outcome")
    outcome = params.choice("outcome", ("won", "lost"))
    return disputes.close(work, identifier, "won" if outcome == "won" else "lost")


ACTIONS: dict[str, Action] = {
    "refunds": Action(("payment_intent", "amount", "reason"), _refund),
    "refunds/{id}/fail": Action((), _fail_refund),
    "payment_intents/{id}/cancel": Action(("cancellation_reason",), intents.cancel),
    "disputes": Action(("payment_intent", "amount", "kind", "reason"), _open_dispute),
    "disputes/{id}/close": Action(("outcome",), _close_dispute),
}
"""The actions, by path below `/_simulator/dashboard/`."""
