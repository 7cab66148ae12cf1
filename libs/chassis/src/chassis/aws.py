"""AWS clients of the process, with short timeouts and few retries.

The services that the hot paths call have a small client of the chassis (``aws_client``), which
needs neither botocore's session nor its models; all others have one of botocore. Both are called
alike. boto3 is not used: it has nothing that the services need.
"""

import os
from functools import cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import botocore.session

CONNECT_TIMEOUT = 1.0
"""Seconds."""
_READ_TIMEOUT = 5.0
_ATTEMPTS = 3

_FOR_BOTOCORE = (
    "AWS_PROFILE",
    "AWS_DEFAULT_PROFILE",
    "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS",
    "AWS_USE_FIPS_ENDPOINT",
    "AWS_USE_DUALSTACK_ENDPOINT",
    "HTTP_PROXY",
    "HTTPS_PROXY",
    "http_proxy",
    "https_proxy",
)
"""Settings that the chassis leaves to botocore."""


@cache
def session() -> "botocore.session.Session":
    """Return the botocore session of the process, which all its clients share."""
    # not imported above: most functions never need it
    import botocore.session

    return botocore.session.get_session()


@cache
def client(service: str, *, read_timeout: float = _READ_TIMEOUT, attempts: int = _ATTEMPTS) -> Any:
    """Return the process's client of an AWS service.

    Parameters
    ----------
    service
        The service's name in botocore: ``sns``, ``sqs``, ``s3``, …
    read_timeout
        Seconds to wait for a response.
    attempts
        The largest number of attempts; 1 for a request that must not be repeated.
    """
    from chassis import aws_client

    if service in aws_client.SERVICES and environment_suffices():
        kind = aws_client.AwsClient
        if service == "s3":
            from chassis import s3_client

            kind = s3_client.S3Client
        return kind(service, read_timeout=read_timeout, attempts=attempts)
    return botocore_client(service, read_timeout=read_timeout, attempts=attempts)


def botocore_client(
    service: str, *, read_timeout: float = _READ_TIMEOUT, attempts: int = _ATTEMPTS
) -> Any:
    """Return a new client of botocore; the parameters are those of ``client``."""
    from botocore.config import Config

    return session().create_client(
        service,
        config=Config(
            connect_timeout=CONNECT_TIMEOUT,
            read_timeout=read_timeout,
            retries={"mode": "standard", "total_max_attempts": attempts},
            s3={"addressing_style": "path"},
            signature_version="s3v4" if service == "s3" else None,
        ),
    )


def environment_suffices() -> bool:
    """Return whether the environment names a region and nothing that only botocore supports.

    So it is on Lambda and on the local cloud. Elsewhere a profile may set endpoints or proxies,
    and all calls go through botocore.
    """
    variables = os.environ
    if any(variables.get(name) for name in _FOR_BOTOCORE):
        return False
    # imported here: this module must not need its users
    from chassis.aws_client import domain_of

    region = variables.get("AWS_DEFAULT_REGION", "")
    config_file = variables.get("AWS_CONFIG_FILE") or "~/.aws/config"
    config_file = os.path.expanduser(config_file)  # noqa: PTH111 - pathlib takes longer
    # the local cloud's functions have /dev/null, so that they read no developer's file
    return domain_of(region) is not None and not os.path.isfile(config_file)  # noqa: PTH113
