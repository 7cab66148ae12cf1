"""IAM for `--auth`: AWS's names of actions and resources, and a record of all decisions."""

import json
import threading
from email.utils import parseaddr
from pathlib import Path
from typing import Any

from ministack.core import iam_actions, iam_evaluator
from ministack.services import ses_v2

# a batch request needs the permission for a single item
_ACTION_OF_BATCH = {
    "sns:PublishBatch": "sns:Publish",
    "sqs:ChangeMessageVisibilityBatch": "sqs:ChangeMessageVisibility",
    "sqs:DeleteMessageBatch": "sqs:DeleteMessage",
    "sqs:SendMessageBatch": "sqs:SendMessage",
}
_SEND_PATH = "/v2/email/outbound-emails"


def install() -> None:
    """Patch how ministack determines the action, resource and principal of a request."""
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
    iam_evaluator._resolve_condition_key = _resolving_roles(iam_evaluator._resolve_condition_key)


def _resolving_roles(resolve: Any) -> Any:
    """Make ``aws:PrincipalArn`` the role of an assumed-role session, not the session."""

    def resolve_condition_key(key: str, context: Any) -> Any:
        value = resolve(key, context)
        if key.lower() == "aws:principalarn" and ":assumed-role/" in value:
            name = value.split("/")[1]
            return f"arn:aws:iam::{context.principal_account}:role/{name}"
        return value

    return resolve_condition_key


def record(path: Path) -> None:
    """Append each distinct decision about a role to a file: role, action, resource, allowed.

    Tests compare the permissions that functions use with their policies by it.
    """
    decide = iam_evaluator.enforce
    lock = threading.Lock()
    # a restart appends to the existing file
    known = set(path.read_text().splitlines()) if path.exists() else set()

    def enforce(
        access_key_id: str,
        iam_action: str,
        service: str,
        region: str,
        resource_arn: str = "*",
        service_context: dict[str, Any] | None = None,
    ) -> Any:
        denied = decide(access_key_id, iam_action, service, region, resource_arn, service_context)
        caller = (iam_evaluator.resolve_caller_identity(access_key_id) or {}).get("userArn", "")
        if ":assumed-role/" in caller:
            line = json.dumps(
                {
                    "role": caller.split("/")[1],
                    "session": caller.split("/")[2],
                    "action": iam_action,
                    "resource": resource_arn,
                    "allowed": denied is None,
                }
            )
            with lock:
                if line not in known:
                    known.add(line)
                    with path.open("a") as file:
                        file.write(line + "\n")
        return denied

    iam_evaluator.enforce = enforce


def _sender(body: bytes) -> str:
    """Return the SES identity of an email's sender: the address if verified, else its domain."""
    address = parseaddr(json.loads(body).get("FromEmailAddress", ""))[1]
    return address if address in ses_v2._identities else address.rpartition("@")[2]
