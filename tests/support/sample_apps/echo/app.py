"""An app with every kind of trigger, to test the embedded AWS with."""

import json
import os
from typing import Any

import boto3
from chalice import Chalice

ANSWER = "first"

app = Chalice(app_name="toyshop-echo")
table: Any = boto3.resource("dynamodb").Table(os.environ["TABLE_NAME"])
sns: Any = boto3.client("sns")


@app.route("/items/{item_id}", methods=["GET", "PUT"])
def items(item_id: str) -> Any:
    """Store an item, or tell whether it is stored."""
    if app.current_request.method == "PUT":
        table.put_item(Item={"id": item_id})
    found = table.get_item(Key={"id": item_id}).get("Item")
    return {"answer": ANSWER, "found": found is not None}


@app.on_dynamodb_record(stream_arn="arn:aws:dynamodb:us-east-1:000000000000:table/t/stream/s")
def on_dynamodb_record(event: Any) -> dict[str, Any]:
    """Publish every stored item."""
    for record in event:
        sns.publish(TopicArn=os.environ["TOPIC_ARN"], Message=json.dumps(record.keys))
    return {"batchItemFailures": []}


@app.on_sns_message(topic="arn:aws:sns:us-east-1:000000000000:placeholder")
def on_sns_message(event: Any) -> None:
    """Log what was published; fail on purpose for some."""
    item_id = json.loads(event.message)["id"]["S"]
    print(f"heard of {item_id}")
    if item_id.startswith("bad"):
        raise RuntimeError("planted")


@app.on_sqs_message(queue="toyshop-local-echo-retry")
def on_sqs_message(event: Any) -> None:
    """Log what could not be handled."""
    for record in event:
        failed = json.loads(record.body)["requestPayload"]["Records"][0]["Sns"]["Message"]
        print(f"retried {json.loads(failed)['id']['S']}")
