"""The storefront's rules for passwords, which are those of the user pool."""

import pytest
import yaml

from chalicelib.storefront_api import passwords
from chassis.problems import Unprocessable
from support.passwords import ACCEPTED, REFUSED
from support.paths import ROOT


@pytest.mark.parametrize("password", ACCEPTED)
def test_password_that_the_pool_accepts_is_accepted(password: str) -> None:
    passwords.check(password)


@pytest.mark.parametrize("password", REFUSED)
def test_password_that_the_pool_refuses_is_refused(password: str) -> None:
    with pytest.raises(Unprocessable) as refused:
        passwords.check(password)
    assert [error.pointer for error in refused.value.errors] == ["/password"]


def test_space_at_an_end_is_named_as_the_reason() -> None:
    for password in (" Toyshop-2026!", "Toyshop-2026! "):
        with pytest.raises(Unprocessable, match="neither begin nor end with a space"):
            passwords.check(password)
    with pytest.raises(Unprocessable, match="at least 12 characters"):
        passwords.check("Short-2026!")


def test_policy_is_that_of_the_template() -> None:
    template = yaml.safe_load((ROOT / "apps/storefront_api/resources.yaml").read_text())
    pool = template["Resources"]["UserPool"]["Properties"]
    assert pool["Policies"]["PasswordPolicy"] == {
        "MinimumLength": passwords.MINIMUM_LENGTH,
        "RequireLowercase": True,
        "RequireUppercase": True,
        "RequireNumbers": True,
        "RequireSymbols": True,
    }
