"""The rule for email addresses, for all services.

An address is accepted exactly when an email can be sent to it with Amazon SES, as far as the
address itself shows: no name server is asked.
"""

import unicodedata

INVALID = "Must be an email address: a name, an @ and a domain"
NOT_ASCII = (
    "Must have only unaccented letters (a to z), digits and symbols before the @, "
    "since we cannot send emails to other addresses"
)


class InvalidAddressError(ValueError):
    """No email can be sent to an address. The text says what an address must be."""


def normalized(address: str) -> str:
    """Return the form of an email address in which it is stored, compared and mailed.

    White space and invisible characters around it are removed, which come with copied text. It is
    in lower case, and an international domain is in the ASCII form of IDNA 2008.

    Parameters
    ----------
    address
        The address as a person has entered it.

    Raises
    ------
    InvalidAddressError
        If no email can be sent to it.

    Examples
    --------
    >>> normalized(" O'Brien@Bücher.example.com ")
    "o'brien@xn--bcher-kva.example.com"
    """
    # imported here because it takes about 40 ms, and most requests contain no address
    from email_validator import EmailNotValidError, validate_email

    address = stripped(address)
    local, _, _ = address.rpartition("@")
    # SES delivers to international domains, but not to international mailboxes (RFC 6531)
    if local and not local.isascii():
        raise InvalidAddressError(NOT_ASCII)
    try:
        # the options are those of the library's defaults that the rule relies on
        valid = validate_email(
            address,
            check_deliverability=False,
            allow_smtputf8=False,
            allow_quoted_local=False,
            allow_domain_literal=False,
            allow_display_name=False,
            globally_deliverable=True,
            strict=True,
        )
    except EmailNotValidError:
        raise InvalidAddressError(INVALID) from None
    assert valid.ascii_email is not None  # the local part is in ASCII
    return valid.ascii_email.lower()


def stripped(address: str) -> str:
    """Return an address without the white space and invisible characters around it."""
    start, end = 0, len(address)
    while start < end and _is_invisible(address[start]):
        start += 1
    while start < end and _is_invisible(address[end - 1]):
        end -= 1
    return address[start:end]


def _is_invisible(character: str) -> bool:
    return character.isspace() or unicodedata.category(character) == "Cf"
