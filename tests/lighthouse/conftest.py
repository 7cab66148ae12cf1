"""The shop that Lighthouse measures."""

from support.browser.shared_shop import shop

__all__ = ["shop"]
