"""Patterns of texts, and what each requires in words for the people who read an error answer.

`$` alone would accept a trailing line feed in Python, though not in ECMA 262, which JSON Schema
follows. Hence `$(?!\\n)` at the end of each.
"""

LINE = r"^[^\x00-\x1f\x7f]*$(?!\n)"
"""A text of one line. Without control characters it is safe in a header or a log."""
NOT_BLANK = r"^(?=.*\S)[^\x00-\x1f\x7f]*$(?!\n)"
"""A line with a character other than white space."""
COUNTRY = r"^[A-Za-z]{2}$(?!\n)"
CURRENCY = r"^[A-Z]{3}$(?!\n)"
PAYMENT_METHOD = r"^pm_[A-Za-z0-9_]{1,200}$(?!\n)"
IDEMPOTENCY_KEY = r"^[\x21-\x7e]+$(?!\n)"
SHA256 = r"^[0-9a-f]{64}$(?!\n)"
CONFIRMATION_CODE = r"^[0-9]{6}$(?!\n)"
FILENAME = r"^[A-Za-z0-9._-]+$(?!\n)"
ATTRIBUTE_NAME = r"^[A-Za-z0-9_ -]+$(?!\n)"
FACETS = (
    r"^(?!.*category.*category)(?!.*brand.*brand)(?!.*age.*age)(?!.*price.*price)"
    r"(?:category|brand|age|price)(?:,(?:category|brand|age|price))*$(?!\n)"
)
"""Facets of the toy search, separated by commas, each once."""

REQUIREMENTS: dict[str, str] = {
    LINE: "Must be one line without control characters",
    NOT_BLANK: "Must be one line without control characters, and not blank",
    COUNTRY: "Must be a two-character country code, such as AU",
    CURRENCY: "Must be a currency code of three capital letters, such as AUD",
    PAYMENT_METHOD: "Must be a payment method, such as pm_card_visa",
    IDEMPOTENCY_KEY: "Must consist of visible ASCII characters, without spaces",
    SHA256: "Must be a SHA-256 digest of 64 hexadecimal digits in lower case",
    CONFIRMATION_CODE: "Must be a code of six digits",
    FILENAME: "Must consist of letters, digits, dots, hyphens and underscores",
    FACETS: "Must be one or more of category, brand, age and price, separated by commas, each once",
    ATTRIBUTE_NAME: "Must consist of letters, digits, spaces, hyphens and underscores",
}
"""The requirement of each pattern as a sentence without a full stop."""
