"""Email addresses as people type them, and whether an email can be sent to them."""

LONGEST = f"{'x' * 64}@{'d' * 63}.{'e' * 63}.{'f' * 57}.com"
"""254 characters, the most that SMTP allows (RFC 5321, 4.5.3.1)."""

ACCEPTED = {
    "alice@example.com": "alice@example.com",
    "Alice@EXAMPLE.Com": "alice@example.com",
    " alice@example.com\t": "alice@example.com",
    # invisible characters of text that is copied from a chat or a web page
    "\u200balice@example.com\u00a0\ufeff": "alice@example.com",
    "\u202aalice@example.com\u202c\r\n": "alice@example.com",
    "o'brien@example.com": "o'brien@example.com",
    "alice+toys@example.com": "alice+toys@example.com",
    "!#$%&'*+-/=?^_`{|}~@example.com": "!#$%&'*+-/=?^_`{|}~@example.com",
    "a.b.c@sub.domain.example.co.uk": "a.b.c@sub.domain.example.co.uk",
    "1234567890@qq.com": "1234567890@qq.com",
    "alice@bücher.de": "alice@xn--bcher-kva.de",
    "alice@BÜCHER.de": "alice@xn--bcher-kva.de",
    "alice@bu\u0308cher.de": "alice@xn--bcher-kva.de",  # decomposed, as macOS types it
    "alice@xn--bcher-kva.de": "alice@xn--bcher-kva.de",
    "alice@faß.de": "alice@xn--fa-hia.de",  # fass.de, another owner's domain, before IDNA 2008
    "alice@例え。jp": "alice@xn--r8jz45g.jp",
    "alice@דוגמה.co.il": "alice@xn--6dbbec0c.co.il",
    "alice@\uff45xample.com": "alice@example.com",  # full-width, of a Japanese keyboard
    LONGEST: LONGEST,
}
"""The address that is used, by each address that is accepted."""

INTERNATIONAL_MAILBOXES = (
    "dån@example.com",
    "josé@example.com",
    "用户@example.com",
    "дед@пример.рф",
)
"""Addresses that SES cannot send to, because of the part before the @."""

REFUSED = (
    "",
    " ",
    "alice",
    "alice@",
    "@example.com",
    "alice@example",
    "alice@localhost",
    "alice@shop.local",
    "alice@shop.test",
    "alice@shop.invalid",
    "alice@127.0.0.1",
    "alice@[127.0.0.1]",
    "alice@-example.com",
    "alice@exam_ple.com",
    "alice@example..com",
    "alice@.example.com",
    "alice@example.com.",
    "alice@example.123",
    "alice@xn--zzzzzzzz.de",
    f"alice@{'a' * 64}.com",
    ".alice@example.com",
    "alice.@example.com",
    "al..ice@example.com",
    "al ice@example.com",
    '"al ice"@example.com',
    "alice@exam ple.com",
    "alice@@example.com",
    "alice@home@example.com",
    "alice\uff20example.com",
    "Alice <alice@example.com>",
    "mailto:alice@example.com",
    "alice@example.com, bob@example.com",
    "alice@example.com;bob@example.com",
    "alice@example.com\nBcc: bob@example.com",
    "alice@example.com\r\nBcc: bob@example.com",
    "alice@example.com\x00",
    "al\u200bice@example.com",
    "\u212aate@example.com",  # the sign for kelvin, which Unicode normalizes to a K
    f"x{LONGEST}",
    f"{'x' * 65}@example.com",
    *INTERNATIONAL_MAILBOXES,
)
"""Addresses that no email can be sent to."""
