"""The domain that a stage sends emails from, as SES knows it, and the account's sandbox."""

from dataclasses import dataclass

from shopctl.aws.clients import Cloud

# in most regions; for the others, SES names the zone in its response
_ZONE = "dkim.amazonses.com"

IN_SANDBOX = "SES is in the sandbox: it sends to verified addresses only."
LEAVE_SANDBOX = (
    "Request production access in the SES console, or set ses_sandbox = true in stages.toml."
)


@dataclass(frozen=True)
class Identity:
    """A domain in SES.

    Attributes
    ----------
    status
        Status of its DKIM records, such as ``PENDING``.
    records
        The DKIM records that DNS must have, each as one line.
    """

    verified: bool
    status: str
    records: tuple[str, ...]


def in_sandbox(cloud: Cloud) -> bool:
    """Return whether the account may send to verified addresses only."""
    return not cloud.client("sesv2").get_account()["ProductionAccessEnabled"]


def identity(cloud: Cloud, domain: str) -> Identity | None:
    """Return a domain as SES knows it; None if it does not."""
    ses = cloud.client("sesv2")
    try:
        found = ses.get_email_identity(EmailIdentity=domain)
    except ses.exceptions.NotFoundException:
        return None
    dkim = found.get("DkimAttributes", {})
    return Identity(
        bool(found.get("VerifiedForSendingStatus")),
        str(dkim.get("Status", "NOT_STARTED")),
        tuple(
            f"{token}._domainkey.{domain} CNAME {token}.{dkim.get('SigningHostedZone', _ZONE)}"
            for token in dkim.get("Tokens", [])
        ),
    )
