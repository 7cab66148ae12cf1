"""The emails of the local shop."""

from email.message import EmailMessage
from pathlib import Path

import pytest

from shopctl.local import mail


def write(directory: Path, number: int, to: str, *, header: bool = True) -> None:
    message = EmailMessage()
    if header:
        message["To"] = to
    message["Subject"] = "Your order"
    message.set_content("Thank you")
    directory.mkdir(exist_ok=True)
    envelope = f"X-Envelope-From: shop@example.com\r\nX-Envelope-To: {to}\r\n".encode()
    (directory / f"{number}.eml").write_bytes(envelope + message.as_bytes())


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    return tmp_path / "mail"


def test_only_emails_to_the_address_are_deleted(directory: Path) -> None:
    write(directory, 1, "Zoe <zoe@example.com>")
    write(directory, 2, "ZOE@example.com")
    write(directory, 3, "zoe@example.com", header=False)
    write(directory, 4, "another.zoe@example.com")
    write(directory, 5, "bob@example.com")
    assert mail.delete(directory, "zoe@example.com") == 3
    assert [each["to"] for each in mail.read(directory)] == [
        "another.zoe@example.com",
        "bob@example.com",
    ]
    assert mail.delete(directory, "zoe@example.com") == 0


def test_emails_put_aside_are_deleted_too(directory: Path) -> None:
    aside = directory.with_name(mail.ASIDE)
    write(aside, 1, "zoe@example.com")
    assert mail.delete(directory, "zoe@example.com") == 1
    assert list(aside.glob("*.eml")) == []
