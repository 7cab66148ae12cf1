"""`./shop staff`: users who signed up become staff, are listed, and cease to be staff."""

import json
from typing import Any

import pytest
from click.testing import CliRunner

from shopctl.aws import target
from shopctl.aws.clients import Cloud
from shopctl.aws.target import Target
from shopctl.cli.main import cli
from shopctl.operating import staff
from shopctl.project.errors import ShopProblem
from shopctl.project.layout import Layout
from support.moto_aws import REGION, aws, client_of, create_user_pool
from support.sample_stages import STAGING

__all__ = ["aws"]
EMAIL = "kim@example.com"


@pytest.fixture
def cognito(aws: None) -> Any:
    create_user_pool("storefront_api")
    return client_of("cognito-idp")


@pytest.fixture
def pool(cognito: Any) -> str:
    [found] = cognito.list_user_pools(MaxResults=5)["UserPools"]
    client_of("ssm").put_parameter(
        Name="/toyshop/staging/storefront-api/user-pool-id", Value=found["Id"], Type="String"
    )
    return str(found["Id"])


@pytest.fixture
def to() -> Target:
    return Target(Layout.find(), STAGING, Cloud("staging", region=REGION), ())


def sign_up(cognito: Any, pool: str, *, confirmed: bool = True) -> None:
    [client] = cognito.list_user_pool_clients(UserPoolId=pool, MaxResults=5)["UserPoolClients"]
    cognito.sign_up(
        ClientId=client["ClientId"],
        Username=EMAIL,
        Password="Toyshop-2026!",
        UserAttributes=[{"Name": "email", "Value": EMAIL}, {"Name": "name", "Value": "Kim"}],
    )
    if confirmed:
        cognito.admin_confirm_sign_up(UserPoolId=pool, Username=EMAIL)


def test_user_is_added_to_the_group_once(cognito: Any, pool: str, to: Target) -> None:
    sign_up(cognito, pool)
    assert staff.add(to, EMAIL)
    groups = cognito.admin_list_groups_for_user(UserPoolId=pool, Username=EMAIL)["Groups"]
    assert [group["GroupName"] for group in groups] == ["staff"]
    assert not staff.add(to, EMAIL)


def test_address_that_never_signed_up_is_refused(cognito: Any, pool: str, to: Target) -> None:
    with pytest.raises(ShopProblem, match="not a user of the stage staging") as refused:
        staff.add(to, EMAIL)
    assert STAGING.origin in refused.value.remedy
    assert cognito.list_users(UserPoolId=pool)["Users"] == []


def test_unconfirmed_address_is_refused(cognito: Any, pool: str, to: Target) -> None:
    sign_up(cognito, pool, confirmed=False)
    with pytest.raises(ShopProblem, match="UNCONFIRMED"):
        staff.add(to, EMAIL)


def test_stage_without_a_storefront_is_refused(aws: None, to: Target) -> None:
    with pytest.raises(ShopProblem, match="storefront_api has not published its user-pool-id"):
        staff.add(to, EMAIL)


def test_command_says_when_it_takes_effect(
    cognito: Any, pool: str, to: Target, monkeypatch: pytest.MonkeyPatch
) -> None:
    sign_up(cognito, pool)
    monkeypatch.setattr(target, "find_target", lambda *_: to)
    arguments = ["staff", "add", EMAIL, "--stage", "staging"]
    assert "from the next sign-in on" in CliRunner().invoke(cli, arguments).output
    assert "is already staff" in CliRunner().invoke(cli, arguments).output


def run(*arguments: str) -> str:
    command = ["staff", *arguments, "--stage", "staging"]
    return CliRunner().invoke(cli, command, catch_exceptions=False).output


def test_staff_are_listed(
    cognito: Any, pool: str, to: Target, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(target, "find_target", lambda *_: to)
    assert run("list") == "Nobody is staff.\n"
    sign_up(cognito, pool)
    # a customer is not listed
    assert run("list") == "Nobody is staff.\n"
    staff.add(to, EMAIL)
    assert run("list") == f"{EMAIL}\n"
    cognito.admin_disable_user(UserPoolId=pool, Username=EMAIL)
    assert run("list") == f"{EMAIL} (cannot sign in)\n"
    assert json.loads(run("list", "--json")) == [{"email": EMAIL, "can_sign_in": False}]


def test_user_who_is_removed_is_signed_out_everywhere(
    cognito: Any, pool: str, to: Target, monkeypatch: pytest.MonkeyPatch
) -> None:
    # GIVEN a staff user who is signed in
    sign_up(cognito, pool)
    staff.add(to, EMAIL)
    [client] = cognito.list_user_pool_clients(UserPoolId=pool, MaxResults=5)["UserPoolClients"]
    # moto compares the name that a session began with, and not the address, with the one signed out
    name = cognito.admin_get_user(UserPoolId=pool, Username=EMAIL)["Username"]
    session = cognito.initiate_auth(
        ClientId=client["ClientId"],
        AuthFlow="USER_PASSWORD_AUTH",
        AuthParameters={"USERNAME": name, "PASSWORD": "Toyshop-2026!"},
    )["AuthenticationResult"]

    def refresh() -> None:
        cognito.initiate_auth(
            ClientId=client["ClientId"],
            AuthFlow="REFRESH_TOKEN_AUTH",
            AuthParameters={"REFRESH_TOKEN": session["RefreshToken"]},
        )

    refresh()
    monkeypatch.setattr(target, "find_target", lambda *_: to)
    # WHEN they are removed
    assert "no longer staff and is signed out everywhere" in run("remove", EMAIL)
    # THEN they are a customer, whose sessions have ended
    assert run("list") == "Nobody is staff.\n"
    assert cognito.admin_get_user(UserPoolId=pool, Username=EMAIL)["Enabled"]
    with pytest.raises(cognito.exceptions.NotAuthorizedException):
        refresh()
    # AND a second removal changes nothing
    assert "was not staff" in run("remove", EMAIL)


def test_removal_of_an_unknown_address_is_refused(pool: str, to: Target) -> None:
    with pytest.raises(ShopProblem, match="not a user of the stage staging") as refused:
        staff.remove(to, EMAIL)
    assert "./shop staff list --stage staging" in refused.value.remedy
