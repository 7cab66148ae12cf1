"""Renders a stage's section of `.chalice/config.json` and its policies from those of `local`.

The stage `local` is committed and is the template of all others: what differs follows from
`stages.toml` and from what the services published of themselves in SSM.
"""

import json
import re
from collections.abc import Callable, Mapping
from typing import Any

from shopctl.deploying import api_policy, network
from shopctl.project import delivery_config
from shopctl.project.errors import ShopProblem
from shopctl.project.services import Service
from shopctl.project.stages import Stage

_LOCAL_ACCOUNT = "000000000000"
_LOCAL_REGION = "us-east-1"
_LOCAL_AWS = "http://127.0.0.1:4566"
_LOCAL_POOL = "us-east-1_ToyshopLo"
_LOCAL_CLIENT = "toyshoplocalclient00000000"
_LOCAL_DOMAIN = "toyshop.example"
# what only a machine without AWS needs, and Lambda sets itself
_ONLY_LOCAL = re.compile(r"AWS_.*")
# its keys are in Secrets Manager wherever the gateway is Stripe
_GATEWAY_KEYS = {"STRIPE_API_KEY": "api_key", "STRIPE_WEBHOOK_SECRET": "webhook_secret"}
# what a stage may set for itself; the others leave it to the service
_OF_SOME_STAGES = ("RETRY_BASE_SECONDS", "RECONCILE_GRACE_SECONDS")

# what no service owns
_INFRA = ("network", "alarms", "distribution-acl")

_POOL = "storefront-api/user-pool-id"
_CLIENT = "storefront-api/user-pool-client-id"


class Published(dict[str, str]):
    """What services published under ``/toyshop/<stage>/``, by the rest of the name."""

    stage = "…"

    def __missing__(self, name: str) -> str:
        owner, _, what = name.partition("/")
        if owner in _INFRA:
            raise ShopProblem(
                f"The stage has no {owner} yet: its {what} is not published.",
                f"Deploy it first: ./shop deploy --stage {self.stage} --infra {owner}.",
            )
        service = owner.replace("-", "_")
        raise ShopProblem(
            f"{service} has not published its {what} yet.", f"Deploy {service} first."
        )


def render(service: Service, stage: Stage, published: Published) -> dict[str, str]:
    """Return the files of `.chalice` for a stage, by name.

    ``config.json`` keeps the sections of the other stages. For the stage `local` the files are
    the committed ones.

    Raises
    ------
    ShopProblem
        If a service that this one needs has not published what is needed.
    """
    directory = service.directory / ".chalice"
    config = _json(directory / "config.json")
    local: dict[str, Any] = config["stages"]["local"]
    text = _Text(service, stage, published)

    def walk(value: Any) -> Any:
        if isinstance(value, dict):
            return {key: walk(child) for key, child in value.items()}
        if isinstance(value, list):
            return [walk(child) for child in value]
        if isinstance(value, str):
            return re.sub(r"-local\.json$", f"-{stage.name}.json", value)
        return value

    section: dict[str, Any] = {
        name: _environment(value, stage, published, text)
        if name == "environment_variables"
        else walk(value)
        for name, value in local.items()
    }
    if stage.mode == "chalice":
        section["environment_variables"] |= _sources(service, stage, published)
        for function in delivery_config.read(service, stage, published).functions:
            if function.concurrency is not None:
                # Chalice takes a limit away that its configuration does not name
                limit = {"reserved_concurrency": function.concurrency}
                section["lambda_functions"][function.name] |= limit
    policies = {
        walk(name): json.loads(text(json.dumps(_json(directory / name))))
        for name in _policy_files(local)
    }
    if stage.network:
        _inside(section, service, stage, policies, published)
    config["stages"] = {**config["stages"], stage.name: section}
    contents = {"config.json": config, **policies}
    return {name: json.dumps(content, indent=2) + "\n" for name, content in contents.items()}


def _policy_files(section: Mapping[str, Any]) -> list[str]:
    named = [settings["iam_policy_file"] for settings in section["lambda_functions"].values()]
    return named + [section[key] for key in ("api_gateway_policy_file",) if key in section]


def _inside(
    section: Mapping[str, Any],
    service: Service,
    stage: Stage,
    policies: Mapping[str, Any],
    published: Published,
) -> None:
    """Put what calls private APIs into the stage's network, and let nobody else call."""
    for name, settings in section["lambda_functions"].items():
        policy = policies[settings["iam_policy_file"]]
        if network.is_inside(policy):
            function = stage.function_name(service.dashed, name.replace("_", "-"))
            policy["Statement"] += network.statements(stage, function)
            settings |= network.settings(published)
    if callers_file := section.get("api_gateway_policy_file"):
        endpoint = published[network.ENDPOINT]
        policies[callers_file]["Statement"].append(api_policy.no_other_way_in(endpoint))


def _json(path: Any) -> Any:
    try:
        return json.loads(path.read_text())
    except FileNotFoundError:
        raise ShopProblem(f"{path} is missing.", "Restore it from the repository.") from None
    except json.JSONDecodeError as error:
        raise ShopProblem(f"{path} is not valid JSON: {error}.", "Correct it.") from None


def _sources(service: Service, stage: Stage, published: Published) -> dict[str, str]:
    """Name the sources of events for Chalice, to which a release by CloudFormation names them."""
    return {
        f"{function.name.upper()}_SOURCE": source
        for function in delivery_config.read(service, stage, published).functions
        if (source := function.source)
    }


def _environment(
    local: Mapping[str, str], stage: Stage, published: Published, text: Callable[[str], str]
) -> dict[str, str]:
    rendered: dict[str, str] = {}
    for name, value in local.items():
        own = _special(name, stage, published)
        if own is not None:
            rendered[name] = own
        elif not _is_left_out(name, stage):
            rendered[name] = text(value)
    return rendered


def _is_left_out(name: str, stage: Stage) -> bool:
    if stage.name == "local":
        return False
    return (
        bool(_ONLY_LOCAL.fullmatch(name))
        or (name == "STRIPE_API_BASE" and not stage.gateway)
        or (name in _OF_SOME_STAGES and getattr(stage, name.lower()) is None)
    )


def _special(name: str, stage: Stage, published: Published) -> str | None:
    issuer = f"https://cognito-idp.{stage.region}.amazonaws.com"
    if name == "STAGE":
        return stage.name
    if name == "CURRENCY":
        return stage.currency
    if name == "TOKEN_ISSUER":
        return f"{issuer}/{published[_POOL]}"
    if name == "JWKS_URL":
        return f"{stage.aws or issuer}/{published[_POOL]}/.well-known/jwks.json"
    if name == "AUTO_CONFIRM_USERS":
        return str(stage.auto_confirm_users).lower()
    if name in _OF_SOME_STAGES and (own := getattr(stage, name.lower())) is not None:
        return str(own)
    if name in _GATEWAY_KEYS and not stage.gateway:
        secret = gateway_secret(stage)
        return f"{{{{resolve:secretsmanager:{secret}:SecretString:{_GATEWAY_KEYS[name]}}}}}"
    if name == "STRIPE_API_BASE" and stage.gateway:
        return stage.gateway
    if name == "SHOP_URL":
        return stage.origin
    return None


def gateway_secret(stage: Stage) -> str:
    """Return the name of the secret with the payment gateway's keys."""
    return f"toyshop-{stage.name}-payments-gateway"


class _Text:
    """Rewrites a text of the stage `local` in one pass, so that nothing is replaced twice."""

    def __init__(self, service: Service, stage: Stage, published: Published) -> None:
        self._stage, self._published = stage, published
        apps = service.directory.parent.glob("*/service.toml")
        names = (path.parent.name.replace("_", "-") for path in apps)
        self._services = sorted(names, key=len, reverse=True)
        queues = stage.aws or f"https://sqs.{stage.region}.amazonaws.com"
        api = rf"{_LOCAL_AWS}/restapis/toyshop-local-([a-z-]+)/api/_user_request_"
        log = rf"(?<=log-group:/aws/lambda/)toyshop-local-{service.dashed}-([a-z0-9-]+)"
        rules: list[tuple[str, Callable[[str], str]]] = [
            (api, lambda other: published[f"{other}/api-url"]),
            (r"(?<=:)toyshop-local-([a-z-]+)(?=/api/)", lambda s: published[f"{s}/api-id"]),
            (log, lambda function: stage.function_name(service.dashed, function)),
            (r"(?<=:role/)toyshop-local-([a-z0-9-]+)", self._role),
            (r"toyshop-local-file-manager-(public|private)", self._bucket),
            (rf"{_LOCAL_AWS}/{_LOCAL_ACCOUNT}(/)", lambda _: f"{queues}/{stage.account}/"),
            (rf"(:){_LOCAL_REGION}:{_LOCAL_ACCOUNT}:", self._place),
            (rf"(iam::){_LOCAL_ACCOUNT}:", lambda _: f"iam::{stage.account}:"),
            (f"({_LOCAL_POOL})", lambda _: published[_POOL]),
            (f"({_LOCAL_CLIENT})", lambda _: published[_CLIENT]),
            (rf"({re.escape(_LOCAL_DOMAIN)})", lambda _: stage.sender_domain),
            (r"(toyshop-local-)", lambda _: f"toyshop-{stage.name}-"),
        ]
        self._makers = [make for _, make in rules]
        self._pattern = re.compile("|".join(pattern for pattern, _ in rules) or r"(?!)")

    def __call__(self, text: str) -> str:
        return self._pattern.sub(self._made, text)

    def _made(self, found: re.Match[str]) -> str:
        assert found.lastindex
        return self._makers[found.lastindex - 1](found[found.lastindex])

    def _place(self, _: str) -> str:
        return f":{self._stage.region}:{self._stage.account}:"

    def _bucket(self, which: str) -> str:
        suffix = self._stage.bucket_suffix
        return f"toyshop-{self._stage.name}-file-manager-{which}{suffix}"

    def _role(self, rest: str) -> str:
        service = next((name for name in self._services if rest.startswith(f"{name}-")), None)
        if service is None:
            raise ShopProblem(
                f"toyshop-local-{rest} is the role of no service.",
                "Correct the policies in .chalice, or write callers-local.json anew.",
            )
        return self._stage.role_name(service, rest.removeprefix(f"{service}-"))


def write(service: Service, files: Mapping[str, str]) -> list[str]:
    """Write rendered files to a service's `.chalice`, unless they say the same already.

    Returns
    -------
    list of str
        The names of the files that changed.
    """
    changed = []
    for name, content in files.items():
        path = service.directory / ".chalice" / name
        if not path.exists() or _json(path) != json.loads(content):
            path.write_text(content)
            changed.append(name)
    return changed
