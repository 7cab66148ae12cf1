"""Each API has only one stage, so that no stage lacks the API's web ACL."""

from collections.abc import Iterator

from shopctl.checking.repository import Repository
from shopctl.project.finding import Finding

_VERSION = ("Resources", "RestAPI", "Properties", "OpenApiVersion")
# version of the definition that Chalice generates; with 3.0, SAM would rewrite parts of it
_SWAGGER = "2.0"


def check(repository: Repository) -> Iterator[Finding]:
    """Yield APIs to which SAM would add a stage named ``Stage``."""
    for service in repository.services.values():
        if service.delivery.at(*_VERSION) != _SWAGGER:
            yield repository.finding(
                service.delivery_file,
                service.delivery.line_of(*_VERSION),
                f"SAM adds a stage that no web ACL protects to the API of {service.name}.",
                f'Set {".".join(_VERSION)} to "{_SWAGGER}".',
            )
