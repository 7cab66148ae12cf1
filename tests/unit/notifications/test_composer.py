"""Composed emails: their texts, headers and attachments, and that nothing can be injected."""

import email
import email.policy
import re
from collections.abc import Sequence
from datetime import UTC, datetime
from email.message import EmailMessage
from html.parser import HTMLParser
from typing import Any, get_args
from urllib.parse import urlsplit

import msgspec
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from chalicelib.notifications import composer
from chalicelib.notifications.composer import Composer
from chassis.email_addresses import normalized
from contracts.money import Money
from contracts.notifications import Attachment, NewMessage, OrderMail, Reversal, Template
from contracts.orders import OrderLine
from local_edge import distribution
from support.email_addresses import ACCEPTED

NOW = datetime(2026, 11, 24, 10, 30, tzinfo=UTC)
ORDER_ID = "ord_01M85PFGE63KGV9W3G6X1F75A7"
LINK = f"https://toyshop.example/orders/{ORDER_ID}"
TEMPLATES = get_args(Template)
REVERSALS = get_args(Reversal)
NAMES = st.text(
    st.sampled_from(list('ab@;,:"\\ <>().=?é玩\u2028😀'))
    | st.characters(exclude_categories=["Cc", "Cs"]),
    min_size=1,
    max_size=200,
).filter(str.strip)
COMPOSER = Composer("Toy Shop <orders@toyshop.example>", "https://toyshop.example/")


def lines(*names: str) -> list[OrderLine]:
    price = Money(amount=1250, currency="AUD")
    return [
        OrderLine(
            toy_id="toy_1",
            name=name,
            quantity=2,
            unit_price=price,
            line_total=Money(amount=2500, currency="AUD"),
        )
        for name in names
    ]


def request(
    template: str = "payment_succeeded",
    *,
    to: str = "alice@example.com",
    name: str = "Alice",
    toys: Sequence[str] = ("Kite",),
    decline_code: str | None = None,
    attachments: Sequence[Attachment] = (),
    amount: int = 2500,
    charged: bool = True,
    **facts: Any,
) -> NewMessage:
    order = OrderMail(
        order_id=ORDER_ID,
        total=Money(amount=amount, currency="AUD"),
        lines=lines(*toys),
        decline_code=decline_code,
        charged=charged,
        **facts,
    )
    return NewMessage(
        to=to,
        name=name,
        template=template,  # type: ignore[arg-type]
        order=order,
        attachments=list(attachments),
    )


def compose(message: NewMessage) -> EmailMessage:
    content = COMPOSER.compose("msg_1", message, NOW).content
    return email.message_from_bytes(content, policy=email.policy.default)


def text_of(mail: EmailMessage, kind: str) -> str:
    part = mail.get_body(preferencelist=(kind,))
    assert part is not None
    return str(part.get_content())


class Words(HTMLParser):
    """The visible text and the tags of a page."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.seen: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.feed(page)

    def handle_data(self, data: str) -> None:
        self.seen.append(data)

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        self.tags.append((tag, dict(attrs)))

    @property
    def text(self) -> str:
        return re.sub(r"\s+", " ", " ".join(self.seen))


@pytest.mark.parametrize("template", TEMPLATES)
def test_every_email_names_order_toys_and_total(template: str) -> None:
    mail = compose(request(template, toys=["Kite", "Yo-yo"], amount=5000))
    assert ORDER_ID in str(mail["Subject"])
    for words in (text_of(mail, "plain"), Words(text_of(mail, "html")).text):
        for word in (ORDER_ID, "Hello Alice", "Kite", "Yo-yo", "AUD 25.00", "AUD 50.00"):
            assert word in words, word
        assert "Undefined" not in words


@pytest.mark.parametrize(
    ("reversal", "subject", "phrases"),
    [
        (None, "refund", ["We've refunded AUD 25.00, everything that you paid"]),
        ("partially_refunded", "refund", ["We've refunded AUD 8.00 of the AUD 25.00"]),
        ("refund_failed", "refund", ["So far, AUD 8.00 of the AUD 25.00", "contact you"]),
        ("disputed", "disputes", ["you dispute AUD 7.00 of the AUD 25.00"]),
        ("dispute_won", "decision", ["The dispute of AUD 7.00", "the payment stands"]),
        ("dispute_lost", "decision", ["The dispute of AUD 7.00", "in your favor"]),
    ],
)
def test_emails_about_refunds_and_disputes_name_their_amounts(
    reversal: str | None, subject: str, phrases: list[str]
) -> None:
    mail = compose(
        request(
            "payment_refunded",
            reversal=reversal,
            refunded=Money(amount=2500 if reversal is None else 800, currency="AUD"),
            disputed=Money(amount=700, currency="AUD"),
            cancelled=False,
        )
    )
    assert subject in str(mail["Subject"])
    assert ORDER_ID in str(mail["Subject"])
    for text in (text_of(mail, "plain"), Words(text_of(mail, "html")).text):
        for phrase in phrases:
            assert phrase in re.sub(r"\s+", " ", text)
        assert "order is cancelled" not in text


@pytest.mark.parametrize(
    ("reversal", "refund", "refunded", "cancelled", "phrase"),
    [
        ("partially_refunded", 800, 800, False, "We've refunded AUD 8.00 of the AUD 25.00 that"),
        ("partially_refunded", 1, 801, False, "With earlier refunds, that makes AUD 8.01."),
        ("partially_refunded", 1, 801, False, "We've refunded AUD 0.01 of the AUD 25.00 that you"),
        (None, 1700, 2500, False, "We've refunded the remaining AUD 17.00 of the AUD 25.00 that"),
        (None, 1700, 2500, True, "is cancelled, and we've refunded the remaining AUD 17.00 of the"),
        (None, 2500, 2500, True, "Your order is cancelled, and we've refunded AUD 25.00. Banks"),
        # of an earlier release
        (None, None, None, True, "Your order is cancelled, and we've refunded AUD 25.00. Banks"),
    ],
)  # fmt: skip
def test_emails_about_refunds_name_this_one_and_their_sum(
    reversal: str | None,
    refund: int | None,
    refunded: int | None,
    cancelled: bool,
    phrase: str,
) -> None:
    def money(amount: int | None) -> Money | None:
        return None if amount is None else Money(amount=amount, currency="AUD")

    mail = compose(
        request(
            "payment_refunded",
            reversal=reversal,
            refund=money(refund),
            refunded=money(refunded),
            cancelled=cancelled,
        )
    )
    for text in (text_of(mail, "plain"), Words(text_of(mail, "html")).text):
        assert phrase in re.sub(r"\s+", " ", text)


@pytest.mark.parametrize(
    ("cancelled", "phrase"),
    [
        (True, "cancelled your order of AUD 25.00"),
        (False, "The payment of AUD 25.00 for this order was cancelled"),
    ],
)
def test_cancelled_payment_is_not_always_a_cancelled_order(
    cancelled: bool,
    phrase: str,
) -> None:
    mail = compose(request("payment_refunded", charged=False, cancelled=cancelled))
    for text in (text_of(mail, "plain"), Words(text_of(mail, "html")).text):
        assert phrase in text
        assert "You haven't been charged" in text


@pytest.mark.parametrize(
    ("template", "subject", "phrase"),
    [
        ("payment_succeeded", "is paid", "We've received your payment of AUD 25.00"),
        ("payment_declined", "was declined", "You haven't been charged"),
        ("payment_action_required", "Please confirm", "You won't be charged until you do"),
        ("payment_refunded", "refund", "we've refunded AUD 25.00"),
    ],
)
def test_subject_and_text_of_each_template(template: str, subject: str, phrase: str) -> None:
    mail = compose(request(template))
    assert subject in str(mail["Subject"])
    assert phrase in text_of(mail, "plain")
    assert phrase in Words(text_of(mail, "html")).text


def test_cancellation_before_the_charge_mentions_no_refund() -> None:
    mail = compose(request("payment_refunded", charged=False))
    assert f"Your order {ORDER_ID} is cancelled" in str(mail["Subject"])
    for words in (text_of(mail, "plain"), Words(text_of(mail, "html")).text):
        assert "We've cancelled your order of AUD 25.00. You haven't been charged." in words
        assert "refund" not in words


def test_each_template_exists_as_text_and_html() -> None:
    files = {path.name for path in composer._TEMPLATES.iterdir()}
    names = ["layout", *TEMPLATES, *(f"payment_{reversal}" for reversal in REVERSALS)]
    expected = {f"{name}.{kind}" for name in names for kind in ("txt", "html")}
    assert files == expected


@pytest.mark.parametrize("template", TEMPLATES)
def test_link_leads_to_the_page_of_the_order(template: str) -> None:
    mail = compose(request(template))
    assert f"See your order: {LINK}" in text_of(mail, "plain").splitlines()
    links = [about["href"] for tag, about in Words(text_of(mail, "html")).tags if tag == "a"]
    assert links == [LINK]
    # AND the page has this address
    assert distribution.target(urlsplit(LINK).path) == (200, distribution.INDEX)
    assert not urlsplit(LINK).fragment


@pytest.mark.parametrize(
    ("code", "words"),
    [
        ("insufficient_funds", "not enough money"),
        ("expired_card", "has expired"),
        ("resource_missing", "please check its details"),
        (None, "did not give a reason"),
        ("unknown_code", "did not give a reason"),
    ],
)
def test_decline_code_becomes_a_sentence(code: str | None, words: str) -> None:
    mail = compose(request("payment_declined", decline_code=code))
    assert words in text_of(mail, "plain")
    assert "_" not in text_of(mail, "plain").replace(ORDER_ID, "")


def test_markup_in_names_is_escaped() -> None:
    name = "<img src=x onerror=alert(1)> & Sons"
    mail = compose(request(name=name, toys=["<script>alert(1)</script>"]))
    page = Words(text_of(mail, "html"))
    assert not {"script", "img"} & {tag for tag, _ in page.tags}
    assert name in page.text
    assert name in text_of(mail, "plain")  # unchanged, since plain text has no markup


def test_attachment_is_unchanged() -> None:
    content = bytes(range(256)) * 40
    attachment = Attachment(filename="r.pdf", content_type="application/pdf", content=content)
    mail = compose(request(attachments=[attachment]))
    assert mail.get_content_type() == "multipart/mixed"
    (attached,) = mail.iter_attachments()
    assert (attached.get_filename(), attached.get_content_type()) == ("r.pdf", "application/pdf")
    assert attached.get_content() == content
    assert "attached" in text_of(mail, "plain")
    assert "attached" not in text_of(compose(request()), "plain")


def test_headers() -> None:
    mail = compose(request(name="Zoë Müller, 玩具"))
    assert str(mail["From"]) == "Toy Shop <orders@toyshop.example>"
    (recipient,) = mail["To"].addresses
    assert (recipient.display_name, recipient.addr_spec) == (
        "Zoë Müller, 玩具",
        "alice@example.com",
    )
    assert mail["Message-ID"] == "<msg_1@toyshop.example>"
    assert mail["Date"].datetime == NOW
    assert mail["Auto-Submitted"] == "auto-generated"


def test_content_is_seven_bit_with_short_lines() -> None:
    message = request(name="Zoë", toys=["Käse" * 30])
    content = COMPOSER.compose("msg_1", message, NOW).content
    assert content.isascii()
    assert max(len(line) for line in content.split(b"\r\n")) <= 998


@pytest.mark.parametrize("field", ["name", "order_id"])
@pytest.mark.parametrize("inserted", ["\r\nBcc: eve@example.com", "\nBcc: eve@example.com", "\x00"])
def test_no_field_can_inject_a_header(field: str, inserted: str) -> None:
    body = msgspec.to_builtins(request())
    place = body["order"] if field == "order_id" else body
    place[field] += inserted
    with pytest.raises(msgspec.ValidationError, match=field):
        msgspec.convert(body, NewMessage)


@pytest.mark.parametrize("name", ["a, b <eve@example.com>", '"quoted"', "=?utf-8?q?x?=", "a;b:c"])
def test_name_that_looks_like_an_address_is_only_a_name(name: str) -> None:
    mail = COMPOSER.compose("msg_1", request(name=name), NOW)
    assert mail.recipient == "alice@example.com"
    parsed = email.message_from_bytes(mail.content, policy=email.policy.default)
    assert [address.addr_spec for address in parsed["To"].addresses] == ["alice@example.com"]


@given(name=NAMES, to=st.sampled_from([normalized(text) for text in ACCEPTED]))
@example(name="a" * 90 + "@b.example", to="alice@example.com")
@example(name="x;" * 100, to="alice@example.com")
@settings(max_examples=100)
def test_every_name_and_address_make_a_header_with_this_recipient_only(name: str, to: str) -> None:
    mail = COMPOSER.compose("msg_1", request("payment_refunded", name=name, to=to), NOW)
    assert mail.recipient == to
    assert max(map(len, mail.content.split(b"\r\n"))) <= 998
    parsed = email.message_from_bytes(mail.content, policy=email.policy.default)
    assert [address.addr_spec for address in parsed["To"].addresses] == [to]
    assert parsed["Bcc"] is None
    assert to.encode() in mail.content  # as it is, since an encoded word is not an address


@pytest.mark.parametrize("template", TEMPLATES)
def test_email_has_no_link_while_the_shops_origin_is_unknown(template: str) -> None:
    without = Composer("Toy Shop <orders@toyshop.example>", "")
    for made, links in ((COMPOSER, True), (without, False)):
        content = made.compose("msg_1", request(template), NOW).content
        parsed = email.message_from_bytes(content, policy=email.policy.default)
        for kind in ("plain", "html"):
            assert ("https:" in text_of(parsed, kind)) == links
