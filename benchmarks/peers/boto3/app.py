"""A toy and an order with boto3's client alone."""

import hashlib
import json
import os
import re
from datetime import UTC, datetime

import boto3
from botocore.exceptions import ClientError

dynamodb = boto3.client("dynamodb")
TABLE = os.environ["TABLE"]
TEXT = {"line1", "city", "region", "postal_code", "country", "name"}


class Invalid(ValueError):
    """The body of a request is not an order."""


def answer(status, document):
    """Return an answer for API Gateway."""
    headers = {"Content-Type": "application/json"}
    return {"statusCode": status, "headers": headers, "body": json.dumps(document)}


def lambda_handler(event, context):  # noqa: ARG001 - Lambda passes both
    """Serve a request of API Gateway."""
    route = event["httpMethod"], event["resource"]
    if route == ("GET", "/toys/{toy_id}"):
        return get_toy(event["pathParameters"]["toy_id"])
    if route == ("POST", "/orders"):
        return create_order(event)
    return answer(404, {"detail": "There is no such resource."})


def get_toy(toy_id):
    """Answer a toy."""
    item = dynamodb.get_item(TableName=TABLE, Key={"id": {"S": toy_id}}).get("Item")
    if item is None:
        return answer(404, {"detail": "There is no such toy."})
    price = item["price"]["M"]
    toy = {
        "id": item["id"]["S"],
        "name": item["name"]["S"],
        "description": item["description"]["S"],
        "category": item["category"]["S"],
        "brand": item["brand"]["S"],
        "price": {"amount": int(price["amount"]["N"]), "currency": price["currency"]["S"]},
        "min_age": int(item["min_age"]["N"]),
        "attributes": {name: value["S"] for name, value in item["attributes"]["M"].items()},
        "version": int(item["version"]["N"]),
    }
    return answer(200, toy)


def create_order(event):
    """Place an order, or answer the one that was placed with the same key."""
    try:
        body = json.loads(event["body"] or "")
        validate(body)
    except ValueError as error:
        return answer(422, {"detail": str(error)})
    order = order_of(body)
    item = {
        "id": {"S": order["id"]},
        "fingerprint": {"S": body["fingerprint"]},
        "order": {"S": json.dumps(order)},
    }
    try:
        dynamodb.put_item(
            TableName=TABLE, Item=item, ConditionExpression="attribute_not_exists(id)"
        )
    except ClientError as error:
        if error.response["Error"]["Code"] != "ConditionalCheckFailedException":
            raise
        key = {"id": item["id"]}
        stored = dynamodb.get_item(TableName=TABLE, Key=key, ConsistentRead=True)["Item"]
        if stored["fingerprint"] != item["fingerprint"]:
            return answer(422, {"detail": "The key was used for another order."})
        return answer(200, json.loads(stored["order"]["S"]))
    return answer(201, order)


def order_of(body):
    """Return the order that a body asks for, with its totals."""
    key = f"{body['customer_id']}\0{body['idempotency_key']}"
    lines = [
        {
            **line,
            "total": {
                "amount": line["quantity"] * line["unit_price"]["amount"],
                "currency": line["unit_price"]["currency"],
            },
        }
        for line in body["lines"]
    ]
    total = sum(line["total"]["amount"] for line in lines)
    return {
        "id": "ord_" + hashlib.sha256(key.encode()).hexdigest()[:32],
        "customer_id": body["customer_id"],
        "status": "placed",
        "contact": body["contact"],
        "lines": lines,
        "total": {"amount": total, "currency": lines[0]["unit_price"]["currency"]},
        "shipping_address": body["shipping_address"],
        "payment_method": body["payment_method"],
        "placed_at": datetime.now(UTC).isoformat(),
        "version": 1,
    }


def validate(body):
    """Raise Invalid if a body is not an order."""
    members = {"customer_id", "idempotency_key", "fingerprint", "contact", "lines"}
    check_members(body, members | {"shipping_address", "payment_method"})
    check_text(body, "customer_id", 128)
    check_text(body, "idempotency_key", 128)
    check_text(body, "payment_method", 128)
    check_text(body, "fingerprint", 64)
    if not re.fullmatch("[0-9a-f]{64}", body["fingerprint"]):
        raise Invalid("fingerprint: not a SHA-256.")
    check_members(body["contact"], {"email", "name"})
    check_text(body["contact"], "email", 254)
    check_text(body["contact"], "name", 100)
    if "@" not in body["contact"]["email"]:
        raise Invalid("email: not an address.")
    check_members(body["shipping_address"], TEXT)
    for name in TEXT:
        check_text(body["shipping_address"], name, 100)
    lines = body["lines"]
    if not isinstance(lines, list) or not 1 <= len(lines) <= 50:
        raise Invalid("lines: not 1 to 50 lines.")
    for line in lines:
        check_members(line, {"toy_id", "name", "quantity", "unit_price"})
        check_text(line, "toy_id", 64)
        check_text(line, "name", 200)
        check_number(line, "quantity", 1, 99)
        check_members(line["unit_price"], {"amount", "currency"})
        check_number(line["unit_price"], "amount", 0, 100_000_000)
        check_text(line["unit_price"], "currency", 3)
    if len({line["unit_price"]["currency"] for line in lines}) > 1:
        raise Invalid("lines: more than one currency.")


def check_members(document, members):
    """Raise Invalid if a document is not an object with exactly these members."""
    if not isinstance(document, dict) or document.keys() != members:
        raise Invalid(f"Not an object with {', '.join(sorted(members))}.")


def check_text(document, name, longest):
    """Raise Invalid if a member is not a text of a permitted length."""
    value = document[name]
    if not isinstance(value, str) or not 1 <= len(value) <= longest:
        raise Invalid(f"{name}: not a text of 1 to {longest} characters.")


def check_number(document, name, least, most):
    """Raise Invalid if a member is not a whole number in a range."""
    value = document[name]
    if type(value) is not int or not least <= value <= most:
        raise Invalid(f"{name}: not a whole number from {least} to {most}.")
