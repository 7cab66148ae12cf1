"""A canned AWS on the loopback interface, for benchmarks: answers at once and stores little.

DynamoDB keeps the items that are put, so that what is read later is what the shop has written.
So does S3 with objects. SNS keeps its messages, from which the events of the consumers are made.
All else has one answer. ``/forget`` removes the items and objects whose id ends with ``NEW``, which
the next process creates again.
"""

import json
import re
import socketserver
import sys
from collections import defaultdict
from email.utils import formatdate
from typing import Any, NamedTuple
from urllib.parse import parse_qsl

Item = dict[str, Any]
_EQUAL = re.compile(r"(#\w+) = (:\w+)")
_EXISTS = re.compile(r"attribute_exists \((#\w+)\)")
_BUCKET = re.compile(r"/toyshop-local-[a-z-]+/.*")
_ITEM_PUT = re.compile(r"/restapis/.*/(documents|messages)/([^/]+)")
NOW = "2026-11-29T12:00:00Z"


class Answer(NamedTuple):
    """A response; ``headers`` are those beside type and length."""

    status: int
    kind: str
    body: bytes
    headers: dict[str, str] = {}


class CannedAws:
    """The state and the answers."""

    def __init__(self) -> None:
        self.objects: dict[str, Answer] = {}
        self.tables: dict[str, dict[str, Item]] = defaultdict(dict)
        self.messages: list[str] = []
        self.documents: dict[str, Any] = {}

    def answer(self, method: str, path: str, headers: dict[str, str], body: bytes) -> Answer:
        """Return a response."""
        target = headers.get("x-amz-target", "")
        if path == "/recorded":
            state = {"tables": self.tables, "messages": self.messages}
            return Answer(200, "application/json", json.dumps(state).encode())
        if path == "/forget":
            for items in (self.objects, *self.tables.values()):
                for key in [key for key in items if key.rstrip('"}').endswith("NEW")]:
                    del items[key]
            return Answer(204, "application/json", b"")
        if path.startswith("/canned/"):
            self.documents[path.removeprefix("/canned")] = json.loads(body)
            return Answer(204, "application/json", b"")
        if target:
            service, _, operation = target.partition(".")
            handler = getattr(self, f"_{service.split('_')[0].lower()}", self._nothing)
            document = handler(operation, json.loads(body))
            return Answer(200, "application/x-amz-json-1.0", json.dumps(document).encode())
        if b"Action=PublishBatch" in body:
            return Answer(200, "text/xml", self._publish(dict(parse_qsl(body.decode()))))
        path = path.partition("?")[0]
        if _BUCKET.fullmatch(path):
            return self._s3(method, path, headers, body)
        return self._http(method, path, body)

    def _s3(self, method: str, path: str, headers: dict[str, str], body: bytes) -> Answer:
        if method == "PUT":
            kept = {name: value for name, value in headers.items() if "x-amz-meta-" in name}
            kept["Last-Modified"] = formatdate(usegmt=True)
            kind = headers.get("content-type", "binary/octet-stream")
            self.objects[path] = Answer(200, kind, body, kept)
        if method in ("GET", "HEAD"):
            missing = b"<Error><Code>NoSuchKey</Code><Message>none</Message></Error>"
            return self.objects.get(path, Answer(404, "application/xml", missing))
        return Answer(200 if method == "PUT" else 204, "application/xml", b"")

    def _nothing(self, _operation: str, _params: Any) -> Any:
        return {}

    def _secretsmanager(self, _operation: str, _params: Any) -> Any:
        return {"SecretString": "a key of the benchmark"}

    def _amazonsqs(self, operation: str, _params: Any) -> Any:
        return {"MessageId": "m"} if operation == "SendMessage" else {}

    def _awscognitoidentityproviderservice(self, _operation: str, _params: Any) -> Any:
        names = {"sub": "cus_1", "email": "a@example.com", "email_verified": "true", "name": "A"}
        attributes = [{"Name": name, "Value": value} for name, value in names.items()]
        return {"Username": "cus_1", "UserAttributes": attributes}

    def _dynamodb(self, operation: str, params: Any) -> Any:
        if operation == "BatchGetItem":
            found = {
                name: [
                    item
                    for key in request["Keys"]
                    if (item := self.tables[name].get(json.dumps(key)))
                ]
                for name, request in params["RequestItems"].items()
            }
            return {"Responses": found, "UnprocessedKeys": {}}
        if operation == "TransactWriteItems":
            for item in params["TransactItems"]:
                if put := item.get("Put"):
                    self._put(put["TableName"], put["Item"])
            return {}
        table = self.tables[params["TableName"]]
        if operation == "PutItem":
            self._put(params["TableName"], params["Item"])
        elif operation == "GetItem":
            item = table.get(json.dumps(params["Key"]))
            return {"Item": item} if item else {}
        elif operation in ("Query", "Scan"):
            items = [item for item in table.values() if _is_selected(item, params)]
            items = items[: params.get("Limit")]
            return {"Items": items, "Count": len(items), "ScannedCount": len(items)}
        return {}

    def _put(self, name: str, item: Item) -> None:
        keys = [{key: item[key]} for key in ("id",) if key in item]
        self.tables[name][json.dumps(keys[0] if keys else item)] = item

    def _publish(self, fields: dict[str, str]) -> bytes:
        entries = []
        for number in range(1, 11):
            prefix = f"PublishBatchRequestEntries.member.{number}."
            if f"{prefix}Id" not in fields:
                break
            self.messages.append(fields[f"{prefix}Message"])
            member = f"<Id>{fields[f'{prefix}Id']}</Id><MessageId>m</MessageId>"
            entries.append(f"<member>{member}</member>")
        return (
            '<PublishBatchResponse xmlns="http://sns.amazonaws.com/doc/2010-03-31/">'
            f"<PublishBatchResult><Failed/><Successful>{''.join(entries)}</Successful>"
            "</PublishBatchResult><ResponseMetadata><RequestId>r</RequestId></ResponseMetadata>"
            "</PublishBatchResponse>"
        ).encode()

    def _http(self, method: str, path: str, body: bytes) -> Answer:
        document: Any = {"items": [], "next_cursor": None, "unrecorded": []}
        status = 200
        if path in self.documents:
            document = self.documents[path]
        elif method == "PUT" and (found := _ITEM_PUT.fullmatch(path)):
            sent = json.loads(body)
            document = _document(found[2], sent) if found[1] == "documents" else _message(found[2])
        elif path.endswith("/outbound-emails"):
            document = {"MessageId": "m"}
        return Answer(status, "application/json", json.dumps(document).encode())


def _is_selected(item: Item, params: Any) -> bool:
    names, values = (params.get(f"ExpressionAttribute{part}", {}) for part in ("Names", "Values"))
    expression = params.get("KeyConditionExpression", "")
    equal = all(
        item.get(names[name]) == values[value] for name, value in _EQUAL.findall(expression)
    )
    required = _EXISTS.findall(params.get("FilterExpression", ""))
    return equal and all(names[name] in item for name in required)


def _document(file_id: str, sent: Any) -> Any:
    return {
        "id": file_id, "kind": "document", "status": "ready", "subject": sent["subject"],
        "content_type": "application/pdf", "size": 1, "alt": "", "version": 1, "created_at": NOW,
        "updated_at": NOW,
    }  # fmt: skip


def _message(message_id: str) -> Any:
    return {
        "id": message_id, "to": "a@example.com", "template": "payment_succeeded",
        "status": "sent", "version": 1, "created_at": NOW, "sent_at": NOW,
    }  # fmt: skip


class _Handler(socketserver.StreamRequestHandler):
    def handle(self) -> None:
        while line := self.rfile.readline():
            method, path, _ = line.decode("latin-1").split(" ", 2)
            headers = {}
            while (header := self.rfile.readline()) not in (b"\r\n", b""):
                name, _, value = header.decode("latin-1").partition(":")
                headers[name.lower()] = value.strip()
            if "expect" in headers:
                self.wfile.write(b"HTTP/1.1 100 Continue\r\n\r\n")
            body = self.rfile.read(int(headers.get("content-length", 0)))
            answer = AWS.answer(method, path, headers, body)
            more = "".join(f"{name}: {value}\r\n" for name, value in answer.headers.items())
            head = (
                f"HTTP/1.1 {answer.status} OK\r\nServer: Server\r\n"
                f"Date: Sun, 29 Nov 2026 12:00:00 GMT\r\nContent-Type: {answer.kind}\r\n"
                f"Content-Length: {len(answer.body)}\r\n{more}"
                "Connection: keep-alive\r\nx-amzn-RequestId: 0123456789ABCDEF\r\n\r\n"
            )
            self.wfile.write(head.encode() + (b"" if method == "HEAD" else answer.body))


class _Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True


AWS = CannedAws()

if __name__ == "__main__":
    with _Server(("127.0.0.1", 0), _Handler) as server:
        print(server.server_address[1], flush=True)
        sys.stdin.close()
        server.serve_forever()
