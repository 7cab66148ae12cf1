"""A toy and an order with the resolver of Powertools, pydantic and boto3's resource."""

import hashlib
import os
from datetime import UTC, datetime

import boto3
from aws_lambda_powertools.event_handler import APIGatewayRestResolver
from aws_lambda_powertools.event_handler.exceptions import NotFoundError, ServiceError
from botocore.exceptions import ClientError
from pydantic import BaseModel, ConfigDict, Field, field_validator

app = APIGatewayRestResolver(enable_validation=True)
table = boto3.resource("dynamodb").Table(os.environ["TABLE"])


class Model(BaseModel):
    """A document without members that are not declared."""

    model_config = ConfigDict(extra="forbid", strict=True)


class Money(Model):
    """An amount in the currency's smallest unit."""

    amount: int = Field(ge=0, le=100_000_000)
    currency: str = Field(min_length=1, max_length=3)


class NewLine(Model):
    """A line of an order to place."""

    toy_id: str = Field(min_length=1, max_length=64)
    name: str = Field(min_length=1, max_length=200)
    quantity: int = Field(ge=1, le=99)
    unit_price: Money


class Line(NewLine):
    """A line of an order."""

    total: Money


class Contact(Model):
    """Whom emails about an order go to."""

    email: str = Field(min_length=1, max_length=254, pattern="@")
    name: str = Field(min_length=1, max_length=100)


class Address(Model):
    """Where an order is sent."""

    name: str = Field(min_length=1, max_length=100)
    line1: str = Field(min_length=1, max_length=100)
    city: str = Field(min_length=1, max_length=100)
    region: str = Field(min_length=1, max_length=100)
    postal_code: str = Field(min_length=1, max_length=100)
    country: str = Field(min_length=1, max_length=100)


class NewOrder(Model):
    """An order to place."""

    customer_id: str = Field(min_length=1, max_length=128)
    idempotency_key: str = Field(min_length=1, max_length=128)
    fingerprint: str = Field(pattern="^[0-9a-f]{64}$")
    contact: Contact
    lines: list[NewLine] = Field(min_length=1, max_length=50)
    shipping_address: Address
    payment_method: str = Field(min_length=1, max_length=128)

    @field_validator("lines")
    @classmethod
    def have_one_currency(cls, lines: list[NewLine]) -> list[NewLine]:
        """Reject lines with different currencies."""
        if len({line.unit_price.currency for line in lines}) > 1:
            raise ValueError("more than one currency")
        return lines


class Order(Model):
    """An order."""

    id: str
    customer_id: str
    status: str
    contact: Contact
    lines: list[Line]
    total: Money
    shipping_address: Address
    payment_method: str
    placed_at: str
    version: int


class Toy(BaseModel):
    """A toy."""

    id: str
    name: str
    description: str
    category: str
    brand: str
    price: Money
    min_age: int
    attributes: dict[str, str]
    version: int


def order_of(body: NewOrder) -> Order:
    """Return the order that a body asks for, with its totals."""
    key = f"{body.customer_id}\0{body.idempotency_key}"
    lines = []
    for line in body.lines:
        amount = line.quantity * line.unit_price.amount
        total = Money(amount=amount, currency=line.unit_price.currency)
        lines.append(Line(**dict(line), total=total))
    return Order(
        id="ord_" + hashlib.sha256(key.encode()).hexdigest()[:32],
        customer_id=body.customer_id,
        status="placed",
        contact=body.contact,
        lines=lines,
        total=Money(
            amount=sum(line.total.amount for line in lines),
            currency=lines[0].unit_price.currency,
        ),
        shipping_address=body.shipping_address,
        payment_method=body.payment_method,
        placed_at=datetime.now(UTC).isoformat(),
        version=1,
    )


@app.get("/toys/<toy_id>")
def get_toy(toy_id: str) -> Toy:
    """Answer a toy."""
    item = table.get_item(Key={"id": toy_id}).get("Item")
    if item is None:
        raise NotFoundError("There is no such toy.")
    return Toy.model_validate(item, strict=False)


@app.post("/orders")
def create_order(body: NewOrder) -> tuple[Order, int]:
    """Place an order, or answer the one that was placed with the same key."""
    order = order_of(body)
    item = {
        "id": order.id,
        "fingerprint": body.fingerprint,
        "order": order.model_dump_json(),
    }
    try:
        table.put_item(Item=item, ConditionExpression="attribute_not_exists(id)")
    except ClientError as error:
        if error.response["Error"]["Code"] != "ConditionalCheckFailedException":
            raise
        stored = table.get_item(Key={"id": order.id}, ConsistentRead=True)["Item"]
        if stored["fingerprint"] != body.fingerprint:
            raise ServiceError(422, "The key was used for another order.") from None
        return Order.model_validate_json(stored["order"]), 200
    return order, 201


def lambda_handler(event, context):
    """Serve a request of API Gateway."""
    return app.resolve(event, context)
