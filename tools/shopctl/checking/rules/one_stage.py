"""Each API has one stage, which its web ACL protects, if it has one."""

from collections.abc import Iterator

from shopctl.checking.repository import Repository
from shopctl.project.finding import Finding

_VERSION = ("Resources", "RestAPI", "Properties", "OpenApiVersion")
# of the definition that Chalice generates; with 3.0, SAM would rewrite parts of it
_SWAGGER = "2.0"


def check(repository: Repository) -> Iterator[Finding]:
    """Yield APIs to which SAM would add a stage named ``Stage``."""
    for service in repository.services.values():
        if service.delivery.at(*_VERSION) != _SWAGGER:
            yield repository.finding(
                service.delivery_file,
                service.delivery.line_of(*_VERSION),
                f"SAM adds a second stage to the API of {service.name}, which no web ACL protects.",
                f'Set {".".join(_VERSION)} to "{_SWAGGER}".',
            )
