"""Commands whose arguments another program parses."""

from typing import Any

# The first argument that is not an option ends the options, so that a `--` after it, which
# separates tox's arguments from pytest's, reaches the other program too.
PASS_ARGUMENTS: dict[str, Any] = {
    "ignore_unknown_options": True,
    "allow_interspersed_args": False,
    "help_option_names": [],
}
