"""Resolves a manifest's references to resources, for one stage.

An environment variable may refer to a resource (``table:orders``) or hold text in which
``{currency}`` stands for a setting of the stage. A permission refers to the resource that it
applies to, or to a part of it (``bucket:file-manager-private/incoming/*``).
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from shopctl.aws.ssm_parameters import USER_POOL_CLIENT_ID, USER_POOL_ID
from shopctl.project import aws_names
from shopctl.project.errors import ShopProblem
from shopctl.project.services import Service
from shopctl.project.stages import Stage

SIMULATOR_KEYS = {"api_key": "sk_test_local_toyshop", "webhook_secret": "whsec_local_toyshop"}
"""Keys that the payment gateway's simulator accepts; they protect nothing."""

_REFERENCE = re.compile(r"([a-z_]+):(?!//)(.+)")
_SETTING = re.compile(r"\{([a-z_]+)\}")
# in IAM's names of actions
_IAM_SERVICES = {
    "table": "dynamodb",
    "topic": "sns",
    "queue": "sqs",
    "bucket": "s3",
    "secret": "secretsmanager",
    "user_pool": "cognito-idp",
    "email_identity": "ses",
    "trace": "xray",
}


@dataclass(frozen=True)
class References:
    """Resolves the references of one service for a stage.

    Attributes
    ----------
    service
        The service whose manifest has the references.
    stage
        The stage to resolve them for.
    published
        Values that the stage's services and infrastructure published.
    """

    service: Service
    stage: Stage
    published: Mapping[str, str]

    def variable(self, name: str, text: str) -> str | None:
        """Return the value of an environment variable.

        Parameters
        ----------
        name
            Name of the variable.
        text
            A reference, or text with settings of the stage.

        Returns
        -------
        str or None
            None if the variable is left out, since the stage does not have the setting.

        Raises
        ------
        ShopProblem
            If the text refers to something that does not exist or is not published yet.
        """
        found = _REFERENCE.fullmatch(text)
        if found is None:
            return self._fill_in(f"environment.{name}", text)
        kind, target = found.groups()
        kinds: dict[str, Callable[[str], str | None]] = {
            "table": lambda table: aws_names.resource(self.stage.name, table),
            "topic": lambda topic: aws_names.topic_arn(self.stage, topic),
            "queue": lambda queue: aws_names.queue_url(self.stage, queue),
            "bucket": lambda bucket: aws_names.bucket(self.stage, bucket),
            "secret": lambda secret: aws_names.resource(self.stage.name, secret),
            "secret_value": self._secret_value,
            "api": lambda service: self.published[f"{aws_names.dashed(service)}/api-url"],
            "user_pool": self._user_pool_setting,
            "gateway": self._gateway_key,
        }
        self._check(f"environment.{name}", kind, target, kinds)
        return kinds[kind](target)

    def permission(self, function: str, reference: str, allowed: tuple[str, ...]) -> "Permission":
        """Return what a function is allowed to do with a resource, in IAM's terms.

        Parameters
        ----------
        function
            Name of the function.
        reference
            The resource or a part of it.
        allowed
            Actions without the AWS service; for an API methods and paths, such as
            ``GET /orders/*``.

        Raises
        ------
        ShopProblem
            If the reference names something that does not exist or is not published yet.
        """
        place = f'functions.{function}.allow."{reference}"'
        kind, _, target = reference.partition(":")
        self._check(place, kind, target, {**_IAM_SERVICES, "api": "execute-api"})
        if kind == "api":
            api_id = self.published[f"{aws_names.dashed(target)}/api-id"]
            routes = [route.split(" ", 1) for route in allowed]
            if any(len(route) != 2 or not route[1].startswith("/") for route in routes):
                raise self._problem(place, "has a route that is not a method and a path")
            resources = [
                f"arn:aws:execute-api:*:*:{api_id}/api/{method}{path}" for method, path in routes
            ]
            return Permission(("execute-api:Invoke",), tuple(resources))
        service = _IAM_SERVICES[kind]
        actions = tuple(f"{service}:{action}" for action in allowed)
        arn = self._arn(place, kind, target)
        if kind == "email_identity" and self.stage.ses_sandbox:
            # in the sandbox, recipients are identities too, and SES asks for a permission on both
            domain = arn.rpartition("/")[2]
            condition = {"StringLike": {"ses:FromAddress": f"*@{domain}"}}
            return Permission(actions, (arn.removesuffix(domain) + "*",), condition)
        return Permission(actions, (arn,))

    def _arn(self, place: str, kind: str, target: str) -> str:
        name, slash, rest = target.partition("/")
        resource = aws_names.resource(self.stage.name, name)
        if kind == "table":
            return f"arn:aws:dynamodb:*:*:table/{resource}{slash}{rest}"
        if kind == "bucket":
            return f"arn:aws:s3:::{aws_names.bucket(self.stage, name)}{slash}{rest}"
        if kind == "secret":
            # AWS appends six characters to its name
            return f"arn:aws:secretsmanager:*:*:secret:{resource}-*"
        if kind == "user_pool":
            return f"arn:aws:cognito-idp:*:*:userpool/{self._published_here(USER_POOL_ID)}"
        if kind == "trace":
            # X-Ray limits no action to some traces
            return "*"
        if kind == "email_identity":
            if (identity := self._fill_in(place, target)) is None:
                raise self._problem(place, "names a setting that the stage does not have")
            return f"arn:aws:ses:*:*:identity/{identity}"
        return f"arn:aws:{_IAM_SERVICES[kind]}:*:*:{resource}"

    def _user_pool_setting(self, target: str) -> str:
        pool = self._published_here(USER_POOL_ID)
        host = f"https://cognito-idp.{self.stage.region}.amazonaws.com"
        setting = target.partition("/")[2]
        if setting == "id":
            return pool
        if setting == "client_id":
            return self._published_here(USER_POOL_CLIENT_ID)
        if setting == "issuer":
            return f"{host}/{pool}"
        if setting == "jwks_url":
            return f"{self.stage.aws or host}/{pool}/.well-known/jwks.json"
        raise self._problem(
            "environment",
            f"names the setting {setting or '(none)'} of a user pool, which has"
            " id, client_id, issuer and jwks_url",
        )

    def _secret_value(self, secret: str) -> str | None:
        if self.stage.name == "local":
            # its configuration is committed, and `chalice local` resolves no references
            return None
        name = aws_names.resource(self.stage.name, secret)
        return f"{{{{resolve:secretsmanager:{name}:SecretString}}}}"

    def _gateway_key(self, key: str) -> str:
        if key not in SIMULATOR_KEYS:
            raise self._problem(
                "environment",
                f"names the key {key} of the gateway, which has {' and '.join(SIMULATOR_KEYS)}",
            )
        if self.stage.gateway:
            return SIMULATOR_KEYS[key]
        secret = aws_names.gateway_secret(self.stage.name)
        return f"{{{{resolve:secretsmanager:{secret}:SecretString:{key}}}}}"

    def _published_here(self, key: str) -> str:
        return self.published[f"{self.service.dashed}/{key}"]

    def _fill_in(self, place: str, text: str) -> str | None:
        values = {}
        for setting in _SETTING.findall(text):
            if setting not in self.stage.__struct_fields__:
                raise self._problem(place, f"names the setting {setting}, which no stage has")
            value = getattr(self.stage, setting)
            if value is None or value == "":
                return None
            values[setting] = str(value).lower() if isinstance(value, bool) else str(value)
        return _SETTING.sub(lambda found: values[found[1]], text)

    def _check(self, place: str, kind: str, target: str, kinds: Mapping[str, object]) -> None:
        if kind not in kinds:
            raise self._problem(
                place,
                f"has a reference of the kind {kind}, which is not one of"
                f" {', '.join(sorted(kinds))}",
            )
        owned = getattr(self.service.manifest.owns, f"{kind.removesuffix('_value')}s", None)
        name = target.partition("/")[0]
        if owned is not None and name not in owned:
            raise self._problem(place, f"names {name}, which is not in owns.{kind}s")
        if kind == "api" and target not in self.service.manifest.calls:
            raise self._problem(place, f"names the API of {target}, which is not in [calls]")

    def _problem(self, place: str, what: str) -> ShopProblem:
        return ShopProblem(
            f"{self.service.manifest_file}: `{place}` {what}.", "Correct it in service.toml."
        )


@dataclass(frozen=True)
class Permission:
    """Actions that are allowed, the ARNs of the resources that they are allowed on, and when."""

    actions: tuple[str, ...]
    resources: tuple[str, ...]
    condition: Mapping[str, Mapping[str, str]] | None = None
