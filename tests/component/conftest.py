"""Fixtures that run one whole service with moto; its own template creates its resources."""

from collections.abc import Callable
from types import ModuleType
from typing import Any

import pytest

from support.loaded_app import api_of, load_app
from support.log_lines import logged
from support.moto_aws import aws
from support.races import before_write
from support.storefront import Shop

__all__ = ["api_of", "aws", "before_write", "load_app", "logged"]


@pytest.fixture
def shop(load_app: Callable[..., ModuleType], api_of: Any) -> Shop:
    module = load_app("storefront_api")
    return Shop(module, api_of(module))


@pytest.fixture
def alice(shop: Shop) -> str:
    return shop.user("alice@example.com")


@pytest.fixture
def bob(shop: Shop) -> str:
    return shop.user("bob@example.com")


@pytest.fixture
def staff(shop: Shop) -> str:
    return shop.user("staff@example.com", "staff")
