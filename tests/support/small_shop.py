"""A running shop with two toys, for tests that place orders and do not need the catalogue."""

from support.images import new_toy
from support.installation import install_tools
from support.running_shop import Shop


def start(shop: Shop) -> None:
    """Start a shop without its catalogue, and add two toys."""
    install_tools()
    shop.up("--no-seed")
    staff = shop.sign_in("staff@example.com")
    for name in ("Wooden Train", "Glider"):
        new_toy(shop, staff, name)
