"""The commands in runbooks."""

import re

PLACEHOLDERS = {"--queue …": "--queue orders-relay-dead-letters", "ord_…": "ord_1", "…": "x"}


def commands(text: str, program: str = "./shop") -> list[str]:
    """Return the command lines of a program in the code blocks of a page.

    Comments are removed, and placeholders replaced.
    """
    blocks = re.findall(
        r"^```(?:sh(?: gameday=[a-z,-]+)?)?\n(.*?)^```$", text, re.MULTILINE | re.DOTALL
    )
    found = []
    for line in "".join(blocks).splitlines():
        command = re.sub(r"\s+#.*$", "", line.strip())
        if command.startswith(f"{program} "):
            for placeholder, value in PLACEHOLDERS.items():
                command = command.replace(placeholder, value)
            found.append(command)
    return found
