"""IAM's names of actions and resources, for `--auth`, where ministack differs from AWS."""

import json
from email.utils import parseaddr
from typing import Any

from ministack.core import iam_actions
from ministack.services import ses_v2

# a batch is allowed by the action on one item
_ACTION_OF_BATCH = {
    "sns:PublishBatch": "sns:Publish",
    "sqs:ChangeMessageVisibilityBatch": "sqs:ChangeMessageVisibility",
    "sqs:DeleteMessageBatch": "sqs:DeleteMessage",
    "sqs:SendMessageBatch": "sqs:SendMessage",
}
_SEND_PATH = "/v2/email/outbound-emails"


def install() -> None:
    """Replace how ministack finds the action and the resource that a request needs."""
    extract_action, extract_arn = iam_actions.extract_iam_action, iam_actions.extract_resource_arn

    def extract_iam_action(*args: Any, **kwargs: Any) -> str | None:
        action: str | None = extract_action(*args, **kwargs)
        return _ACTION_OF_BATCH.get(action or "", action)

    def extract_resource_arn(
        service: str,
        method: str,
        path: str,
        headers: Any,
        body: bytes,
        query_params: Any,
        region: str,
        account_id: str,
    ) -> Any:
        if service == "ses" and method == "POST" and path.rstrip("/") == _SEND_PATH:
            return f"arn:aws:ses:{region}:{account_id}:identity/{_sender(body)}"
        return extract_arn(service, method, path, headers, body, query_params, region, account_id)

    iam_actions.extract_iam_action = extract_iam_action
    iam_actions.extract_resource_arn = extract_resource_arn


def _sender(body: bytes) -> str:
    """Name the identity that an e-mail is sent from: its address, else its domain."""
    address = parseaddr(json.loads(body).get("FromEmailAddress", ""))[1]
    return address if address in ses_v2._identities else address.rpartition("@")[2]
