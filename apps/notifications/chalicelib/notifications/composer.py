"""Composes emails: fills in the templates and builds MIME messages."""

import re
from datetime import datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime, parseaddr
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined, Template, select_autoescape
from msgspec import Struct

from chassis.money import format_money
from contracts.notifications import MessageText, NewMessage

_SEVEN_BIT = SMTP.clone(cte_type="7bit")
"""SES may corrupt content that is not 7-bit."""

_SPECIALS = re.compile(r'[()<>@,;:".\\\[\]]')
"""Characters for which a name in an address must be quoted (RFC 5322, 3.2.3)."""
_QUOTED_WITHIN_LINE = 36
"""A name of this length, in characters, fits into one line even if each of them is escaped."""

_TEMPLATES = Path(__file__).parent / "templates"
_DECLINES = {
    "insufficient_funds": "there is not enough money in the account",
    "expired_card": "the card has expired",
    "incorrect_cvc": "the security code of the card is wrong",
    "lost_card": "your bank no longer accepts this card",
    "stolen_card": "your bank no longer accepts this card",
    "resource_missing": "the card could not be found; please check its details",
}
_ANY_DECLINE = "your bank did not give a reason, but can tell you more"


class Email(Struct, frozen=True):
    """A composed email.

    Attributes
    ----------
    sender
        The address in ``From``, with its display name.
    recipient
        The address to deliver to.
    content
        The MIME message.
    text
        Its subject and its plain text.
    """

    sender: str
    recipient: str
    content: bytes
    text: MessageText


def decline_text(code: str | None) -> str:
    """Return the reason of a decline in words for the customer.

    Parameters
    ----------
    code
        The gateway's decline code, if it gave one.
    """
    return _DECLINES.get(code or "", _ANY_DECLINE)


class Composer:
    """Composes emails from templates.

    Parameters
    ----------
    sender
        Sender of the emails, for example ``Toy Shop <orders@toyshop.example>``.
    shop_url
        The shop's origin, to which the links lead; empty if it is not known yet, for no links.
    """

    def __init__(self, sender: str, shop_url: str) -> None:
        name, address = parseaddr(sender)
        self._sender = Address(name, addr_spec=address)
        self._shop_url = shop_url.rstrip("/")
        self._templates = Environment(
            loader=FileSystemLoader(_TEMPLATES),
            autoescape=select_autoescape(["html"]),
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self._templates.filters["money"] = format_money
        self._templates.filters["decline"] = decline_text

    def compose(self, message_id: str, request: NewMessage, now: datetime) -> Email:
        """Return the email of a request.

        Parameters
        ----------
        message_id
            Id of the message, which becomes its ``Message-ID``.
        now
            Time in the header ``Date``, in UTC.
        """
        local, _, domain = request.to.rpartition("@")
        recipient = Address(_display_name(request.name), username=local, domain=domain)
        values = {
            "name": request.name,
            "order": request.order,
            "attached": bool(request.attachments),
            "shop": self._sender.display_name or self._sender.domain,
            "shop_url": self._shop_url,
        }
        reversal = request.order.reversal
        name = f"payment_{reversal}" if reversal else request.template
        text = self._templates.get_template(f"{name}.txt")
        html = self._templates.get_template(f"{name}.html")
        mail = EmailMessage(policy=_SEVEN_BIT)
        mail["From"] = self._sender
        mail["To"] = recipient
        read = MessageText(subject=_block(text, "subject", values), text=text.render(values))
        mail["Subject"] = read.subject
        mail["Date"] = format_datetime(now)
        mail["Message-ID"] = f"<{message_id}@{self._sender.domain}>"
        mail["Auto-Submitted"] = "auto-generated"
        mail.set_content(read.text)
        mail.add_alternative(html.render(values), subtype="html")
        for attachment in request.attachments:
            main_type, sub_type = attachment.content_type.split("/")
            mail.add_attachment(
                attachment.content,
                maintype=main_type,
                subtype=sub_type,
                filename=attachment.filename,
            )
        return Email(str(self._sender), recipient.addr_spec, mail.as_bytes(), read)


def _display_name(name: str) -> str:
    """Return a name for an address, without special characters if it may not fit into a line.

    Some releases of Python, 3.11 among them, lose the quotes of a name that they break into lines.
    Without them the header contains another address, or none.
    """
    return name if len(name) <= _QUOTED_WITHIN_LINE else _SPECIALS.sub(" ", name)


def _block(template: Template, name: str, values: dict[str, Any]) -> str:
    return "".join(template.blocks[name](template.new_context(values))).strip()
