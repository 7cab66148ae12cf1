"""Clients of AWS: one botocore session, patience in seconds, and no more than a few retries.

botocore alone, since boto3 on top of it costs a cold start and adds nothing that is used here.
"""

from functools import cache
from typing import Any

import botocore.session
from botocore.config import Config


@cache
def session() -> botocore.session.Session:
    """Return the one session that all clients and signers share."""
    return botocore.session.get_session()


@cache
def client(service: str, *, read_timeout: float = 5.0, attempts: int = 3) -> Any:
    """Return the client of an AWS service.

    Parameters
    ----------
    service
        As botocore names it: ``sns``, ``sqs``, ``s3``, …
    read_timeout
        Seconds to wait for an answer.
    attempts
        How often to send a request that fails; 1 for what must not happen twice.
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
