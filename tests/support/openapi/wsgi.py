"""Serves a Chalice app over HTTP, with routes and authorizers as in Chalice's local mode."""

import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from http.client import responses
from typing import Any
from urllib.parse import quote
from wsgiref.simple_server import WSGIRequestHandler, make_server

from chalice.test import Client

from contracts.problem import CONTENT_TYPE

# Chalice's local gateway cuts a path at a semicolon, which therefore stays encoded
_IN_A_PATH = "/:@!$&'()*+,=~"


class _Quiet(WSGIRequestHandler):
    def log_message(self, *_: Any) -> None:
        pass


@contextmanager
def served(app: Any, only_for: str = "") -> Iterator[str]:
    """Serve an app on a free port of the loopback interface; yield its URL.

    Parameters
    ----------
    only_for
        The ``Authorization`` that a private API requires, which Chalice's gateway does not check.
    """
    client = Client(app)

    def application(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        path = quote(environ["PATH_INFO"].encode("latin-1"), safe=_IN_A_PATH)
        if only_for and environ.get("HTTP_AUTHORIZATION") != only_for:
            start_response("403 Forbidden", [("Content-Type", CONTENT_TYPE)])
            return [b'{"title":"Forbidden","status":403,"detail":"Unsigned.","type":"about:blank"}']
        if environ["QUERY_STRING"]:
            path += f"?{environ['QUERY_STRING']}"
        headers = {
            name.removeprefix("HTTP_").replace("_", "-").title(): value
            for name, value in environ.items()
            if name.startswith("HTTP_") or (name == "CONTENT_TYPE" and value)
        }
        body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
        answer = client.http.request(environ["REQUEST_METHOD"], path, headers=headers, body=body)
        start_response(
            f"{answer.status_code} {responses[answer.status_code]}", list(answer.headers.items())
        )
        return [answer.body]

    with make_server("127.0.0.1", 0, application, handler_class=_Quiet) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()
