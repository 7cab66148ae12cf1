"""Passwords that the policy of the shop's user pool accepts and refuses."""

ACCEPTED = (
    "Toyshop-2026!",
    "correct Horse 7 battery",  # a space inside is a symbol
    "Пароль-Aa1-пароль",
    "Aa1!\u00a0Aa1!Aa1!",
    f"Aa1!{'x' * 252}",
)
REFUSED = (
    "Short-2026!",
    "no-capitals-2026!",
    "NO-SMALL-2026!",
    "No-digits-here!",
    "NoSymbols20261",
    " Toyshop-2026!",
    "Toyshop-2026! ",
    "Toyshop-2026!\n",
    "\tToyshop-2026!",
    "Toyshop\n2026! x",
    "пароль-АБВ-2026!",  # characters of another script are neither upper nor lower case
    "Toyshop-٢٠٢٦!!",  # nor are its digits digits
    "Toyshop€2026££",  # nor is every symbol one
    "            ",
)
