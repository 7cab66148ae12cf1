"""A Chalice app that serves the operations of a contract.

It does what every handler would otherwise repeat: percent-decoding, parsing of bodies and queries,
ETags, problem answers, the context of the request, and one log line per request.
"""

import functools
import hmac
import re
import sys
import time
from collections.abc import Callable, Mapping
from typing import Any, Generic, TypeVar, cast
from urllib.parse import unquote

import msgspec
from chalice.app import (
    APIGateway,
    Authorizer,
    Blueprint,
    Chalice,
    IAMAuthorizer,
    Request,
    Response,
    RestAPIEventHandler,
)

from chassis import context, health, log, startup, tracing
from chassis.json_text import text_of
from chassis.parsing import decode_document, parse_body, parse_document
from chassis.preconditions import Precondition, etag, has_version
from chassis.problems import (
    BadRequest,
    Forbidden,
    MethodNotAllowed,
    PayloadTooLarge,
    ProblemError,
    ServiceUnavailable,
    TooManyRequests,
    Unauthorized,
    UnsupportedContentCoding,
    UnsupportedMediaType,
)
from chassis.queries import parse_query
from chassis.redaction import masked
from chassis.settings import Settings, SettingsError
from contracts.health import HEALTH
from contracts.operations import Operation
from contracts.problem import CONTENT_TYPE, TITLES, TYPES, Problem
from contracts.schema import Health, NoQuery
from contracts.security import BEARER, SCHEMES, SIGV4

T = TypeVar("T")
C = TypeVar("C")
View = Callable[..., Any]

METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
"""All methods that API Gateway can route."""
REFUSED = "refuseMethod"
"""Name of the routes of methods that a path does not support."""
DEFAULT_MAX_BODY = 256 * 1024
"""Bytes."""
EDGE_HEADER = "X-Toyshop-Edge"
"""The header with which the edge proves that a request came through it."""
REQUEST_SECONDS = 25.0
"""The longest that a request may take; API Gateway waits for 29 seconds."""
_RESPONSE_RESERVE = 0.5
_READS = ("GET", "HEAD")
_JSON = ("application/json",)
_PATCH = ("application/merge-patch+json", "application/json")
_PARAMETER = r";\s*([^\s=;]+)\s*=\s*(\"(?:[^\"\\]|\\.)*\"|[^;]*)"
_UTF_8 = ("utf-8", "utf8")
# The answers are text, whatever the request's ``Accept``.
_NO_BINARY_ANSWERS = APIGateway()
_NO_BINARY_ANSWERS.binary_types = []


class Answer(msgspec.Struct):
    """A response whose status or headers are not the usual ones.

    Attributes
    ----------
    body
        A contract type to encode as JSON; ``None`` for an empty body.
    status
        The status; by default the operation's usual one.
    headers
        Headers in addition to the usual ones.
    """

    body: Any = None
    status: int | None = None
    headers: dict[str, str] = {}


class ServiceApp(Chalice):
    """A Chalice app of the toy shop.

    Parameters
    ----------
    app_name
        The app's name, as in ``.chalice/config.json``.
    settings
        The settings of the service.
    public
        Whether the app is on the internet, where anyone may call it. A private app accepts signed
        callers only, and they may set a deadline for a request.
    max_body
        The largest body in bytes; a larger one is a 413.
    edge_key
        The key that the edge adds to each request; a request without it is a 403, whatever its
        path. Without a key, every request is served.
    """

    def __init__(
        self,
        app_name: str,
        settings: Settings,
        *,
        public: bool = False,
        max_body: int = DEFAULT_MAX_BODY,
        edge_key: str = "",
    ) -> None:
        super().__init__(app_name=app_name, configure_logs=False)
        startup.complete()
        # API Gateway forwards bodies of these types byte by byte. In any other it would replace
        # what is not UTF-8, and nobody would notice.
        self.api.binary_types = list(_PATCH)
        self.public = public
        self.max_body = max_body
        self.edge_key = edge_key
        self.components: Any = None
        self._authorizer: Authorizer | None = None
        self._permit: Callable[[Operation[Any]], None] | None = None
        log.configure(settings.service, settings.stage, settings.log_level)
        tracing.configure(settings)
        self._unresolved = ", ".join(settings.unresolved)
        if self._unresolved:
            self.register_middleware(self._refuse_events, "all")
        health.reset()
        if not public:
            self.serves(HEALTH)(_health)

    def __call__(self, event: Any, context: Any) -> Any:
        """Answer a request; an error of Chalice itself becomes a problem answer too."""
        # as Chalice does it, but with text as the type of answers
        self.lambda_context = context
        handle = RestAPIEventHandler(
            self.routes,
            _NO_BINARY_ANSWERS,
            self.log,
            self.debug,
            middleware_handlers=self._get_middleware_handlers("http"),
        )
        self.current_request = handle.create_request_object(event, context)
        if not self._came_through_the_edge():
            log.info("request refused", reason="without the key of the edge")
            refused = _problem(Forbidden("The shop does not answer at this address."))
            return refused.to_dict(_NO_BINARY_ANSWERS.binary_types)
        answer = handle(event, context)
        if answer["statusCode"] >= 400 and '"Code"' in (answer.get("body") or ""):
            error = msgspec.json.decode(answer["body"])
            problem = Problem(
                type=TYPES.get(answer["statusCode"], TYPES[500]),
                title=TITLES[answer["statusCode"]],
                status=answer["statusCode"],
                detail=masked(str(error["Message"])),
            )
            answer["body"] = msgspec.json.encode(problem).decode()
            answer["headers"] = {**answer.get("headers", {}), "Content-Type": CONTENT_TYPE}
        if self.current_request is not None and self.current_request.method == "HEAD":
            answer["body"] = ""
        return answer

    def _came_through_the_edge(self) -> bool:
        """Return whether the request has the key of the edge, if the app requires one."""
        if not self.edge_key:
            return True
        sent = self.current_request and self.current_request.headers.get(EDGE_HEADER)
        return hmac.compare_digest((sent or "").encode(), self.edge_key.encode())

    def protect(
        self, authorizer: Authorizer, permit: Callable[[Operation[Any]], None] | None = None
    ) -> None:
        """Protect the operations of a public app whose audience must sign in.

        Call this before such an operation is served.

        Parameters
        ----------
        authorizer
            Verifies the access token of a request.
        permit
            Called with the operation before its handler; raises if the caller may not call it.
        """
        self._authorizer = authorizer
        self._permit = permit

    def register_blueprint(
        self,
        blueprint: Blueprint,
        name_prefix: str | None = None,
        url_prefix: str | None = None,
    ) -> None:
        """Serve the routes of a blueprint.

        Parameters
        ----------
        blueprint
            The blueprint; a ``ServiceBlueprint`` gets access to this app.
        name_prefix, url_prefix
            Prefixes for the names and paths of its routes, as in Chalice.
        """
        if isinstance(blueprint, ServiceBlueprint):
            blueprint.app = self
        super().register_blueprint(blueprint, name_prefix, url_prefix)

    def serves(self, operation: Operation[Any]) -> Callable[[View], View]:
        """Return the decorator of the handler of an operation.

        The handler takes the path parameters by name, percent-decoded, and returns the body of
        the response, or an ``Answer``. If the body has a version, the response has its ETag.

        A GET is served as HEAD too, without the body. In a public app, every other method of the
        path is answered with 405; of a private one, API Gateway refuses it.

        The security scheme of the operation's audience decides who may call it. A private app
        accepts signed callers only; a public one uses the authorizer given to ``protect`` for
        everyone who must sign in.

        Parameters
        ----------
        operation
            The operation, from the contract.

        Raises
        ------
        ValueError
            If the operation's audience must sign in and the app has no authorizer.
        """
        authorizer: Authorizer | None = None
        permit = None
        scheme = SCHEMES[operation.audience]
        # most webhooks are known already; the service that learns something keeps its trace
        is_read = operation.method in _READS or operation.audience == "gateway"
        sampled = tracing.is_in_share if is_read else tracing.always
        if not self.public or scheme is SIGV4:
            authorizer = IAMAuthorizer()
        elif scheme is BEARER:
            if self._authorizer is None:
                raise ValueError(f"{operation.name} needs an authorizer: call protect() first")
            authorizer, permit = self._authorizer, self._permit

        def decorate(view: View) -> View:
            @functools.wraps(view)
            def handler(**path: str) -> Response:
                return self._handle(
                    operation.name,
                    lambda: self._serve(operation, view, path, permit),
                    sampled,
                )

            methods = (
                [operation.method, "HEAD"] if operation.method == "GET" else [operation.method]
            )
            for method in methods:
                self.routes[operation.path].pop(method, None)  # it was refused before
            self.route(
                operation.path,
                methods=methods,
                name=operation.name,
                authorizer=authorizer,
                content_types=["*/*"],
            )(handler)
            if self.public:
                self._refuse_others(operation.path)
            return view

        return decorate

    def serves_document(self, path: str, name: str) -> Callable[[View], View]:
        """Return the decorator of the handler of a document for browsers.

        Such a path is no operation of the API, so it is in no contract. The handler takes the path
        parameters by name, percent-decoded, and returns the ``Response`` to a GET or HEAD.

        Parameters
        ----------
        path
            The path as API Gateway routes it.
        name
            Identifies the document in the log.
        """

        def decorate(view: View) -> View:
            @functools.wraps(view)
            def handler(**given: str) -> Response:
                parameters = {key: unquote(value) for key, value in given.items()}
                return self._handle(name, lambda: view(**parameters))

            self.route(path, methods=["GET", "HEAD"], name=name, content_types=["*/*"])(handler)
            self._refuse_others(path)
            return view

        return decorate

    def _refuse_others(self, path: str) -> None:
        """Answer every other method of a path with 405, which API Gateway itself cannot."""
        methods = self.routes[path]

        def refuse(**_: str) -> Response:
            return self._handle(REFUSED, lambda: _refuse(self.allowed_methods(path)))

        refused = [method for method in METHODS if method not in methods]
        if refused:
            self.route(path, methods=refused, name=REFUSED, content_types=["*/*"])(refuse)

    def allowed_methods(self, path: str) -> list[str]:
        """Return the methods of a route's path that are served, in the order of ``METHODS``."""
        served = {name for name, entry in self.routes[path].items() if entry.view_name != REFUSED}
        return [method for method in METHODS if method in served]

    def _serve(
        self,
        operation: Operation[Any],
        view: View,
        path: Mapping[str, str],
        permit: Callable[[Operation[Any]], None] | None,
    ) -> Response:
        _refuse_encoded_body(self.request)
        if operation.query is None:
            self.query(NoQuery)
        if permit is not None:
            permit(operation)
        result = view(**{name: unquote(value) for name, value in path.items()})
        return self._respond(operation, result)

    def _refuse_events(self, event: Any, handle: Callable[[Any], Any]) -> Any:
        """Refuse events, so that they are delivered again; ``_handle`` answers requests."""
        if not isinstance(event, Request):
            log.error("settings not resolved", reason=self._unresolved)
            raise SettingsError(f"Not resolved: {self._unresolved}.")
        return handle(event)

    def _handle(
        self,
        name: str,
        respond: Callable[[], Response],
        sampled: Callable[[str], bool] = tracing.is_in_share,
    ) -> Response:
        started = time.perf_counter()
        request = self.request
        method, route = request.method, request.path
        seconds = min(
            REQUEST_SECONDS, context.budget_of(self.lambda_context, reserve=_RESPONSE_RESERVE)
        )
        with tracing.hop(
            f"{method} {route}",
            tracing.SERVER,
            request.headers,
            budget=seconds,
            public=self.public,
            sampled=sampled,
            invocation=self.lambda_context,
        ) as span:
            span.attributes |= {
                "http.request.method": method,
                "http.route": route,
                "toyshop.operation": name,
            }
            tracing.concerns((request.uri_params or {}).get("order_id"))
            log.debug("request received", operation=name)
            try:
                if self._unresolved:
                    log.error("settings not resolved", reason=self._unresolved)
                    raise ServiceUnavailable("The service is not ready. Try again later.")
                response = respond()
            except ProblemError as error:
                response = _problem(error)
            except Exception as error:
                span.fail(type(error).__name__, str(error))
                log.exception("unexpected error", operation=name)
                response = _problem(
                    ProblemError("Something went wrong on our side. Try again later.")
                )
            response.headers[context.CORRELATION_ID] = context.current().correlation_id
            span.attributes["http.response.status_code"] = response.status_code
            if response.status_code >= 400 and not span.error:
                span.refuse(response.status_code)
            log.summary(
                "request served",
                operation=name,
                status=response.status_code,
                duration_ms=round((time.perf_counter() - started) * 1000, 1),
            )
        return response

    @property
    def request(self) -> Request:
        """The request that is being handled."""
        request = self.current_request
        assert request is not None  # Chalice sets it before it calls a view
        return request

    def _respond(self, operation: Operation[Any], result: Any) -> Response:
        answer = result if isinstance(result, Answer) else Answer(body=result)
        # a client that is to revalidate an answer has to store it
        caching = "no-cache" if operation.conditional else "no-store"
        headers: dict[str, str | list[str]] = {"Cache-Control": caching, **answer.headers}
        tracing.concerns_subject_of(answer.body)
        version = getattr(answer.body, "version", None)
        if isinstance(version, int):
            headers["ETag"] = etag(version)
            if operation.conditional and self._has_version(version):
                return Response("", headers, 304)
        if answer.body is None:
            body = ""
        else:
            headers["Content-Type"] = "application/json"
            body = msgspec.json.encode(answer.body).decode()
        return Response(body, headers, answer.status or operation.status[0])

    def _has_version(self, version: int) -> bool:
        """Return whether the client has a version already; raise if it wants only others.

        In the order of RFC 9110, 13.2.2: ``If-Match`` first.
        """
        if self.header("if-match") is not None:
            self.precondition().check(version)
        if_none_match = self.header_list("if-none-match")
        return if_none_match is not None and has_version(if_none_match, version)

    def raw_body(self, limit: int | None = None) -> bytes:
        """Return the bytes of the request's body, whatever its type.

        Parameters
        ----------
        limit
            The most bytes that it may have, if not ``max_body``.

        Raises
        ------
        PayloadTooLarge
            If it has more bytes.
        """
        limit = limit or self.max_body
        raw = self.request.raw_body or b""
        body = raw.encode() if isinstance(raw, str) else raw
        if len(body) > limit:
            raise PayloadTooLarge(f"The body has {len(body)} bytes. At most {limit} are accepted.")
        return body

    def _body_of_type(self, types: tuple[str, ...]) -> bytes:
        body = self.raw_body()
        if body:
            for value in _values(self.request, "content-type") or [""]:
                _check_type(value, types)
        return body

    def body(self, kind: type[T]) -> T:
        """Return the request's JSON body as a contract type.

        Parameters
        ----------
        kind
            The contract type.

        Raises
        ------
        BadRequest
            If there is no body, it is not UTF-8 or not JSON, or a member is repeated.
        PayloadTooLarge
            If it is too large.
        UnsupportedMediaType
            If it has another type, or another charset than UTF-8.
        Unprocessable
            If a text has a control character, or it violates its schema.
        """
        body = self._body_of_type(_JSON)
        if not body:
            raise BadRequest("A JSON body is required.")
        parsed = parse_body(body, kind)
        tracing.concerns_subject_of(parsed)
        return parsed

    def document(self, *, patch: bool = False) -> Any:
        """Return the request's JSON body as plain values, to inspect it before it is parsed.

        Parameters
        ----------
        patch
            Whether the type of a merge patch is accepted too.

        Raises
        ------
        BadRequest, PayloadTooLarge, UnsupportedMediaType, Unprocessable
            As ``body``, or if it is nested too deeply.
        """
        body = self._body_of_type(_PATCH if patch else _JSON)
        if not body:
            raise BadRequest("A JSON body is required.")
        return decode_document(body)

    def json_text(self, *, patch: bool = False) -> msgspec.Raw:
        """Return the request's JSON body unparsed, to forward it to the service that parses it.

        Parameters
        ----------
        patch
            Whether the type of a merge patch is accepted too.

        Raises
        ------
        BadRequest
            If it is not UTF-8.
        PayloadTooLarge, UnsupportedMediaType
            As ``body``.
        """
        return msgspec.Raw(text_of(self._body_of_type(_PATCH if patch else _JSON)))

    def optional_body(self, kind: type[T]) -> T:
        """Return the request's JSON body as a contract type; no body means ``{}``.

        Parameters
        ----------
        kind
            The contract type.

        Raises
        ------
        BadRequest, PayloadTooLarge, UnsupportedMediaType, Unprocessable
            As ``body``.
        """
        return parse_body(self._body_of_type(_JSON) or b"{}", kind)

    def patch(self) -> dict[str, Any]:
        """Return the request's body as a JSON merge patch (RFC 7396), which must be an object.

        Raises
        ------
        BadRequest, PayloadTooLarge, UnsupportedMediaType, Unprocessable
            As ``body``.
        """
        body = self._body_of_type(_PATCH)
        if not body:
            raise BadRequest("The body must be a JSON merge patch.")
        return parse_document(decode_document(body), dict[str, Any])

    def query(self, kind: type[T]) -> T:
        """Return the request's query as a contract type.

        Parameters
        ----------
        kind
            The query type.

        Raises
        ------
        BadRequest
            If a parameter is unknown, repeated or not valid.
        """
        parameters = self.request.query_params
        if parameters:
            for name in parameters:
                if len(parameters.getlist(name)) > 1:
                    raise BadRequest.at(f"/{name}", "Must not be repeated", "repeated")
        return parse_query(parameters, kind)

    def header(self, name: str) -> str | None:
        """Return a header of the request, ``None`` if it has none of that name in any case."""
        value: str | None = self.request.headers.get(name)
        return value

    def header_list(self, name: str) -> str | None:
        """Return a header that is a list, several of one name joined; ``None`` if there is none.

        Parameters
        ----------
        name
            The header's name, in lower case.
        """
        values = _values(self.request, name)
        return ", ".join(values) if values else None

    def precondition(self) -> Precondition:
        """Return the versions that the caller requires, from ``If-Match``.

        Raises
        ------
        PreconditionRequired
            If the request has no ``If-Match``.
        BadRequest
            If ``If-Match`` is neither ``*`` nor a list of ETags.
        """
        return Precondition.from_header(self.header_list("if-match"))


class ServiceBlueprint(Blueprint, Generic[C]):
    """Routes of one resource, in a module of their own; ``app.register_blueprint`` serves them.

    Parameters
    ----------
    import_name
        Name of the module.
    """

    app: ServiceApp
    """The app that serves these routes; set when the blueprint is registered."""

    @property
    def components(self) -> C:
        """The components of the service."""
        return cast(C, self.app.components)

    def serves(self, operation: Operation[Any]) -> Callable[[View], View]:
        """Return the decorator of the handler of an operation; see ``ServiceApp.serves``."""

        def decorate(view: View) -> View:
            def register(*_: Any) -> None:
                self.app.serves(operation)(view)

            self._deferred_registrations.append(register)
            return view

        return decorate

    def serves_document(self, path: str, name: str) -> Callable[[View], View]:
        """Return the decorator of the handler of a document; see ``ServiceApp``."""

        def decorate(view: View) -> View:
            def register(*_: Any) -> None:
                self.app.serves_document(path, name)(view)

            self._deferred_registrations.append(register)
            return view

        return decorate


def denied() -> dict[str, Any]:
    """Return the policy with which an authorizer rejects a token; the caller gets a 401.

    An exception would do the same, but Lambda would count it as an error of the function, as if the
    authorizer had crashed. API Gateway answers a denial with its response ``ACCESS_DENIED``.

    Raises
    ------
    chalice.local.NotAuthorizedError
        Under ``chalice local``, which has no gateway responses.
    """
    local = sys.modules.get("chalice.local")
    if local is not None:
        problem = Unauthorized("The access token is missing, expired or not valid. Sign in again.")
        raise local.NotAuthorizedError(
            {"Content-Type": CONTENT_TYPE, "WWW-Authenticate": "Bearer"}, problem.to_json().encode()
        )
    return {
        "principalId": "anonymous",
        "policyDocument": {
            "Version": "2012-10-17",
            "Statement": [{"Effect": "Deny", "Action": "execute-api:Invoke", "Resource": "*"}],
        },
    }


def _health() -> Health:
    health.check()
    return Health(status="ok")


def _refuse_encoded_body(request: Request) -> None:
    """Raise if a request declares a content coding; API Gateway forwards encoded bodies."""
    for coding in ",".join(_values(request, "content-encoding")).split(","):
        if coding.strip().lower() not in ("", "identity"):
            raise UnsupportedContentCoding(
                f"The body has the content coding '{coding.strip()}'. Send it without one."
            )


def _values(request: Request, header: str) -> list[str]:
    """Return the values of all headers of one name; the name is in lower case."""
    # ``request.headers`` has only the last of them
    several = request.to_original_event().get("multiValueHeaders") or {}
    values = [value for name in several if name.lower() == header for value in several[name]]
    if values or header not in request.headers:
        return values
    return [request.headers[header]]


def _check_type(content_type: str, types: tuple[str, ...]) -> None:
    given = content_type.split(";")[0].strip()
    if given.lower() not in types:
        raise UnsupportedMediaType(
            f"The body has the type '{given}'. Send it as {' or '.join(types)}."
        )
    for name, value in re.findall(_PARAMETER, content_type):
        charset = value.strip().strip('"')
        if name.lower() == "charset" and charset.lower() not in _UTF_8:
            raise UnsupportedMediaType(
                f"The body has the charset '{charset}'. Send it in UTF-8, as JSON is defined."
            )


def _refuse(allowed: list[str]) -> Response:
    raise MethodNotAllowed(allowed)


def _problem(error: ProblemError) -> Response:
    headers: dict[str, str | list[str]] = {
        "Content-Type": CONTENT_TYPE,
        "Cache-Control": "no-store",
    }
    if error.status == 503:
        headers["Retry-After"] = "5"
    if isinstance(error, TooManyRequests):
        headers["Retry-After"] = str(error.retry_after)
    if isinstance(error, UnsupportedContentCoding):
        headers["Accept-Encoding"] = "identity"  # RFC 9110, 15.5.16
    if isinstance(error, MethodNotAllowed):
        headers["Allow"] = error.allowed
    if error.status == 401:
        headers["WWW-Authenticate"] = "Bearer"
    return Response(error.to_json(), headers, error.status.value)
