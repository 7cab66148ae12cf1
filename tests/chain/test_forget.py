"""`./shop forget`: a customer's data are gone from the whole shop, and nothing brings them back."""

import json
import re
import uuid
from pathlib import Path
from typing import Any

import pytest

from support.receipts import text_of
from support.running_shop import PASSWORD, Shop, wait_until_idle
from support.waiting import eventually

EMAIL = "Zenobia.Vanish@Example.com"
NAME = "Zenobia Vanishova"
ADDRESS = {
    "name": NAME,
    "line1": "77 Oblivion Parade",
    "line2": "Attic 9b",
    "city": "Wagga Wagga",
    "region": "NSW",
    "postal_code": "2650",
    "country": "AU",
}
PERSONAL = (EMAIL.lower(), NAME, "Zenobia", "Oblivion Parade", "Attic 9b", "Wagga Wagga")
DEAD_LETTERS = "toyshop-local-payments-fulfil-dead-letters"


def personal_in(text: str) -> list[str]:
    """Return which of the customer's data are in a text, also as JSON escapes them."""
    return [words for words in PERSONAL if words.lower() in text.lower()]


def found_in_aws(shop: Shop) -> dict[str, list[str]]:
    """Search every table, object, message, user and email; return what is where."""
    texts: dict[str, str] = {}
    tables = shop.client("dynamodb")
    for table in tables.list_tables()["TableNames"]:
        pages = tables.get_paginator("scan").paginate(TableName=table, ConsistentRead=True)
        texts[f"table {table}"] = str([page["Items"] for page in pages])
    s3 = shop.client("s3")
    for bucket in s3.list_buckets()["Buckets"]:
        name = bucket["Name"]
        for page in s3.get_paginator("list_object_versions").paginate(Bucket=name):
            for version in page.get("Versions", []):
                if not version["Key"].startswith("documents/"):
                    continue
                content = s3.get_object(
                    Bucket=name, Key=version["Key"], VersionId=version["VersionId"]
                )["Body"].read()
                texts[f"object {version['Key']} {version['VersionId']}"] = text_of(content)
    sqs = shop.client("sqs")
    for url in sqs.list_queues()["QueueUrls"]:
        messages = sqs.receive_message(
            QueueUrl=url, MaxNumberOfMessages=10, VisibilityTimeout=0, WaitTimeSeconds=0
        )
        texts[f"queue {url}"] = str(messages.get("Messages", []))
    cognito = shop.client("cognito-idp")
    for pool in cognito.list_user_pools(MaxResults=10)["UserPools"]:
        users = cognito.list_users(UserPoolId=pool["Id"])["Users"]
        texts[f"users {pool['Name']}"] = str(users)
    texts["mail"] = json.dumps(shop.run_json("mail"), ensure_ascii=False)
    assert len(texts) > 15
    return {where: found for where, text in texts.items() if (found := personal_in(text))}


def found_in_files(shop: Shop) -> dict[str, list[str]]:
    """Search the gateway's records, emails, logs and telemetry of the shop's directory."""
    found = {}
    for pattern in ("gateway/**/*", "mail/**/*", "logs/**/*", "telemetry.db*"):
        for path in Path(shop.home).glob(pattern):
            if path.is_file() and (words := personal_in(path.read_text(errors="replace"))):
                found[str(path.relative_to(shop.home))] = words
    return found


@pytest.fixture
def customer(shop: Shop) -> str:
    """A customer who has signed up; the access token."""
    answer = shop.api("POST", "/users", {"email": EMAIL, "password": PASSWORD, "name": NAME})
    assert answer.status == 201, answer.body
    return shop.sign_in(EMAIL)


def place(shop: Shop, token: str, method: str = "pm_card_visa") -> str:
    body = shop.order_body(method) | {"shipping_address": ADDRESS}
    answer = shop.api("POST", "/orders", body, token, {"Idempotency-Key": str(uuid.uuid4())})
    assert answer.status == 201, answer.body
    return str(answer.json["id"])


def forget(shop: Shop, *arguments: str, status: int = 0) -> Any:
    result = shop.run("forget", *arguments, "--json")
    assert result.returncode == status, result.stdout + result.stderr
    return json.loads(result.stdout)


def test_customer_is_forgotten_everywhere_and_the_shop_stays_whole(
    shop: Shop, customer: str, staff: str
) -> None:
    # GIVEN a paid order, a refunded one, and one whose card was declined
    paid, refunded, declined = (
        place(shop, customer, method)
        for method in ("pm_card_visa", "pm_card_visa", "pm_card_chargeDeclined")
    )
    for order_id in (paid, refunded):
        shop.wait_for_payment(order_id, customer, "succeeded")
    shop.wait_for_payment(declined, customer, "declined")
    assert shop.api("POST", f"/orders/{refunded}/cancellation", {}, customer).status == 202
    shop.wait_for_payment(refunded, customer, "refunded")
    for order_id, count in ((paid, 1), (refunded, 2), (declined, 1)):
        shop.wait_for_emails(order_id, count)
    wait_until_idle(shop)
    # AND a dead letter about one of them
    old = {"type": "shop.payment.succeeded.v1", "data": {"order_id": paid, "contact": EMAIL}}
    sqs = shop.client("sqs")
    url = sqs.get_queue_url(QueueName=DEAD_LETTERS)["QueueUrl"]
    sqs.send_message(QueueUrl=url, MessageBody=json.dumps(old))
    before = found_in_aws(shop)
    for where in ("orders", "payments", "notifications", "documents/", DEAD_LETTERS, "mail"):
        assert any(where in place for place in before), where

    # WHEN an order is open, THEN nothing is erased
    answer = forget(shop, EMAIL, status=1)
    assert [order["order_id"] for order in answer["open"]] == [declined]
    assert found_in_aws(shop) == before
    # AND a dry run of another customer's erasure changes nothing, and says what it would do
    assert forget(shop, "nobody@example.com", "--dry-run")["orders"] == []
    assert found_in_aws(shop) == before

    # WHEN the open order is cancelled first
    answer = forget(shop, EMAIL, "--cancel-unpaid")
    # THEN nothing is left in tables, buckets, queues, accounts and mail
    assert answer["complete"]
    assert found_in_aws(shop) == {}
    assert found_in_files(shop) == {}
    # AND the command says what it looked at
    assert sorted(answer["orders"]) == sorted([paid, refunded, declined])
    erased = answer["erased"]
    assert len(erased["orders"]) == len(erased["transactions"]) == 3
    assert len(erased["receipts"]) == 2
    assert len(erased["messages"]) >= 4
    assert erased["account"]
    assert (answer["dead_letters"]["found"], answer["dead_letters"]["discarded"]) == (1, 1)
    assert answer["local_mail"] >= 4
    kinds = {each["kind"] for each in answer["expires"]}
    assert {"log group", "stream"} <= kinds
    assert all(each["until"] for each in answer["expires"] if each["kind"] == "stream")

    # AND the account cannot be used any more, and staff still see the orders
    session = {"email": EMAIL, "password": PASSWORD}
    assert shop.api("POST", "/sessions", session).status == 401
    shown = shop.order(paid, staff)
    assert shown["contact"] == {"email": "", "name": "Erased customer"}
    assert shown["shipping_address"]["country"] == "AU"
    assert shown["payment"]["status"] == "succeeded"
    assert shop.api("GET", f"/orders?limit=50&email={EMAIL}", token=staff).json["items"] == []
    # AND the receipt is still there, of the same order, amount and tax
    link = shop.api("GET", f"/orders/{paid}/receipt", token=staff)
    assert link.status == 303

    # AND reconciliation finds nothing, re-emitted events bring nothing back and mail nobody
    orders = [option for order_id in (paid, refunded, declined) for option in ("--order", order_id)]
    result = shop.run("reconcile", "--grace", "0", "--json", *orders)
    assert result.returncode == 0, result.stdout
    mails = len(shop.run_json("mail"))
    result = shop.run("replay", "--from-table", *orders)
    assert result.returncode == 0, result.stderr
    wait_until_idle(shop)
    assert found_in_aws(shop) == {}
    assert len(shop.run_json("mail")) == mails

    # AND another run finds nothing to do, also by the customer's id
    again = forget(shop, EMAIL)
    assert (again["orders"], again["erased"]["orders"], again["complete"]) == ([], [], True)
    again = forget(shop, answer["customer_id"])
    assert (len(again["orders"]), again["erased"]["orders"]) == (3, [])
    # AND what was done is on record, without the customer's data
    (record, *_) = shop_json(shop, "forget", "--list")
    assert (record["customer_id"], record["complete"]) == (answer["customer_id"], True)
    (discarded,) = shop_json(shop, "replay", "discarded", "--order", paid)
    assert "erased" in discarded["because"]
    assert personal_in(json.dumps([record, discarded])) == []
    # AND the address can be used for a new account
    new = shop.api("POST", "/users", {"email": EMAIL, "password": PASSWORD, "name": "Another"})
    assert new.status == 201
    assert shop.api("GET", "/orders", token=shop.sign_in(EMAIL)).json["items"] == []


def shop_json(shop: Shop, *arguments: str) -> Any:
    result = shop.run(*arguments, "--json")
    assert result.returncode == 0, result.stderr
    return json.loads(result.stdout)


def test_output_is_for_people(shop: Shop) -> None:
    email = "brief.visitor@example.com"
    account = {"email": email, "password": PASSWORD, "name": "Brief Visitor"}
    assert shop.api("POST", "/users", account).status == 201
    planned = shop.run("forget", email, "--dry-run")
    assert planned.returncode == 0, planned.stderr
    assert "account would be deleted" in planned.stdout
    done = shop.run("forget", email)
    assert done.returncode == 0, done.stderr
    assert re.search(r"[0-9]+ orders examined: 0 of brief.visitor@example.com\.", done.stdout)
    assert "account deleted" in done.stdout
    assert "until" in done.stdout
    assert "There is neither" in eventually(lambda: shop.run("forget", email)).stdout
    nobody = shop.run("forget")
    assert nobody.returncode == 1
    assert "Name a customer" in nobody.stderr
