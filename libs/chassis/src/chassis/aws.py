"""AWS clients: one botocore session per process, short timeouts and few retries.

boto3 is not used: it would make a cold start slower and has nothing that the services need.
"""

from functools import cache
from typing import Any

import botocore.session
from botocore.config import Config


@cache
def session() -> botocore.session.Session:
    """Return the botocore session of the process, which all clients and signers share."""
    return botocore.session.get_session()


@cache
def client(service: str, *, read_timeout: float = 5.0, attempts: int = 3) -> Any:
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
    return session().create_client(
        service,
        config=Config(
            connect_timeout=1.0,
            read_timeout=read_timeout,
            retries={"mode": "standard", "total_max_attempts": attempts},
            s3={"addressing_style": "path"},
            signature_version="s3v4" if service == "s3" else None,
        ),
    )
