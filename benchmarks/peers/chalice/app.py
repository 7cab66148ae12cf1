"""A toy and an order with Chalice, boto3's resource and jsonschema."""

import hashlib
import json
import os
from datetime import UTC, datetime
from decimal import Decimal

import boto3
from botocore.exceptions import ClientError
from chalice import Chalice, NotFoundError, Response
from jsonschema import Draft202012Validator

app = Chalice(app_name="peer")
lambda_handler = app
table = boto3.resource("dynamodb").Table(os.environ["TABLE"])


def text(longest, **more):
    """Return the schema of a text."""
    return {"type": "string", "minLength": 1, "maxLength": longest, **more}


def record(**members):
    """Return the schema of an object with exactly these members."""
    return {
        "type": "object",
        "properties": members,
        "required": list(members),
        "additionalProperties": False,
    }


ORDER = record(
    customer_id=text(128),
    idempotency_key=text(128),
    fingerprint=text(64, pattern="^[0-9a-f]{64}$"),
    contact=record(email=text(254, pattern="@"), name=text(100)),
    lines={
        "type": "array",
        "minItems": 1,
        "maxItems": 50,
        "items": record(
            toy_id=text(64),
            name=text(200),
            quantity={"type": "integer", "minimum": 1, "maximum": 99},
            unit_price=record(
                amount={"type": "integer", "minimum": 0, "maximum": 100_000_000},
                currency=text(3),
            ),
        ),
    },
    shipping_address=record(
        name=text(100),
        line1=text(100),
        city=text(100),
        region=text(100),
        postal_code=text(100),
        country=text(100),
    ),
    payment_method=text(128),
)
validator = Draft202012Validator(ORDER)


def plain(value):
    """Return a value of DynamoDB as JSON has it."""
    if isinstance(value, Decimal):
        return int(value)
    if isinstance(value, dict):
        return {name: plain(member) for name, member in value.items()}
    return value


@app.route("/toys/{toy_id}")
def get_toy(toy_id):
    """Answer a toy."""
    item = table.get_item(Key={"id": toy_id}).get("Item")
    if item is None:
        raise NotFoundError("There is no such toy.")
    return plain(item)


@app.route("/orders", methods=["POST"])
def create_order():
    """Place an order, or answer the one that was placed with the same key."""
    body = app.current_request.json_body
    errors = [f"{error.json_path}: {error.message}" for error in validator.iter_errors(body)]
    if errors:
        return Response({"detail": errors}, status_code=422)
    if len({line["unit_price"]["currency"] for line in body["lines"]}) > 1:
        return Response({"detail": ["$.lines: more than one currency"]}, status_code=422)
    order = order_of(body)
    item = {
        "id": order["id"],
        "fingerprint": body["fingerprint"],
        "order": json.dumps(order),
    }
    try:
        table.put_item(Item=item, ConditionExpression="attribute_not_exists(id)")
    except ClientError as error:
        if error.response["Error"]["Code"] != "ConditionalCheckFailedException":
            raise
        stored = table.get_item(Key={"id": item["id"]}, ConsistentRead=True)["Item"]
        if stored["fingerprint"] != item["fingerprint"]:
            detail = "The key was used for another order."
            return Response({"detail": detail}, status_code=422)
        return Response(json.loads(stored["order"]), status_code=200)
    return Response(order, status_code=201)


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
