"""The HTTP application: the API and the control API, both with errors in Stripe's format."""

import logging
import re

from aiohttp import web
from aiohttp.abc import AbstractAccessLogger
from aiohttp.typedefs import Middleware

from gateway_simulator import api, bank, control
from gateway_simulator.errors import StripeError, server_error
from gateway_simulator.gateway import Gateway
from gateway_simulator.keys import Keys
from gateway_simulator.store import Store
from gateway_simulator.webhooks import Webhooks

log = logging.getLogger(__name__)

_CLIENT_SECRET = re.compile(r"_secret_\w+")
_LOOPBACK = ("127.0.0.1", "localhost", "::1")


class AccessLogger(AbstractAccessLogger):
    """Logs method, path and status of each request, without client secrets.

    They are in the addresses of the bank's page, and in queries of Stripe.js. The addresses of
    clients are not logged: all clients are on this machine.
    """

    def log(self, request: web.BaseRequest, response: web.StreamResponse, time: float) -> None:
        """Log a request that took a time in seconds."""
        path = _CLIENT_SECRET.sub("_secret_***", request.path_qs)
        self.logger.info('"%s %s" %s %.6fs', request.method, path, response.status, time)


def make_app(store: Store, webhooks: Webhooks | None = None) -> web.Application:
    """Create the application.

    Parameters
    ----------
    store
        State of the simulator; the application closes it.
    webhooks
        Sends the events; by default, they are not sent. The application starts and closes it.
    """
    gateway = Gateway(store, webhooks)
    app = web.Application(middlewares=[_answering_errors(gateway.keys)])
    app.add_routes(api.routes(gateway))
    app.add_routes(control.ControlApi(gateway).routes())
    app.add_routes(bank.BankPage(gateway).routes())

    async def start(_: web.Application) -> None:
        if webhooks is not None:
            webhooks.start()

    async def close(_: web.Application) -> None:
        if webhooks is not None:
            await webhooks.close()
        store.close()

    app.on_startup.append(start)
    app.on_cleanup.append(close)
    return app


def _answering_errors(keys: Keys) -> Middleware:
    @web.middleware
    async def answer_errors(request: web.Request, handler: api.Handler) -> web.StreamResponse:
        try:
            _refuse_web_pages(request)
            if not request.path.startswith((f"{control.PREFIX}/", bank.PREFIX)):
                api.require_key(request, keys)
            response = await handler(request)
        except StripeError as error:
            response = _error_response(error)
        except (web.HTTPNotFound, web.HTTPMethodNotAllowed):
            message = f"Unrecognized request URL ({request.method}: {request.path})."
            response = _error_response(StripeError(404, message))
        except web.HTTPException as error:
            response = _error_response(StripeError(error.status, error.reason))
        except Exception:
            log.exception("request failed method=%s path=%s", request.method, request.path)
            response = _error_response(server_error())
        response.headers.setdefault("Request-Id", api.new_request_id())
        return response

    return answer_errors


def _refuse_web_pages(request: web.Request) -> None:
    """Refuse requests that a page in the developer's browser sends, also by DNS rebinding.

    The bank's page may be opened from anywhere, and sends its own form.
    """
    headers, site = request.headers, request.headers.get("Sec-Fetch-Site", "none")
    if request.path.startswith(bank.PREFIX):
        opened = request.method in ("GET", "HEAD") and "Origin" not in headers
        allowed = opened or headers.get("Origin") == f"http://{request.host}"
    else:
        allowed = "Origin" not in headers and site == "none"
    if not allowed or request.url.host not in _LOOPBACK:
        raise StripeError(403, "The simulator accepts no requests of web pages.")


def _error_response(error: StripeError) -> web.Response:
    return web.json_response(error.answer.body, status=error.answer.status)
