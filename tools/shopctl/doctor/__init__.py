"""Checks, without changing anything, whether a stage has everything that it needs to sell.

The checks are in the order of docs/deploying.md. Each returns what it found, or raises a
`ShopProblem` with what is missing and how to fix it.
"""

from collections.abc import Callable, Sequence
from typing import Literal

import msgspec
from botocore.exceptions import BotoCoreError, ClientError
from requests import RequestException

from shopctl.aws.clients import Cloud
from shopctl.aws.target import Target, find_target
from shopctl.doctor import email, gateway, infrastructure, prerequisites, shop, user_pool
from shopctl.project import stages
from shopctl.project.errors import ShopProblem
from shopctl.project.layout import Layout
from shopctl.project.stages import Stage


class Check(msgspec.Struct, frozen=True):
    """A check of one item of the checklist.

    Attributes
    ----------
    needs
        Items without which this one cannot be checked.
    """

    item: str
    run: Callable[[Target], str]
    needs: tuple[str, ...] = ()


CHECKS = (
    Check("settings", prerequisites.settings),
    Check("python", prerequisites.python),
    Check("credentials", prerequisites.credentials),
    Check("concurrency", prerequisites.quota, ("credentials",)),
    Check("certificate", infrastructure.certificate, ("credentials",)),
    Check("gateway keys", gateway.keys, ("credentials",)),
    Check("network", infrastructure.network, ("credentials",)),
    Check("alarms", infrastructure.alarms, ("credentials",)),
    Check("alarm subscription", infrastructure.subscription, ("alarms",)),
    Check("email domain", email.domain, ("credentials",)),
    Check("email sending", email.sending, ("credentials",)),
    Check("services", shop.services, ("credentials", "python", "network", "alarms")),
    Check("snapshots", shop.snapshots, ("credentials",)),
    Check("sign-up emails", email.sign_up, ("credentials",)),
    Check("web ACL", infrastructure.web_acl, ("credentials",)),
    Check("edge", infrastructure.edge, ("credentials",)),
    Check("web page", shop.page, ("edge",)),
    Check("dns", infrastructure.dns, ("edge",)),
    Check("webhook endpoint", gateway.webhook, ("gateway keys", "edge")),
    Check("staff", shop.staff, ("credentials",)),
    Check("toys", shop.toys, ("credentials",)),
    Check("smoke user", shop.smoke_user, ("credentials",)),
)


class Item(msgspec.Struct, frozen=True):
    """The result of checking an item of the checklist.

    Attributes
    ----------
    status
        ``waiting`` if an item that it needs is missing, ``unknown`` if AWS or Stripe did not
        answer.
    what
        What was found, or what is missing.
    remedy
        How to fix it; empty if nothing is missing.
    """

    item: str
    status: Literal["ok", "missing", "waiting", "unknown"]
    what: str
    remedy: str = ""


def examine(layout: Layout, name: str, checks: Sequence[Check] = CHECKS) -> list[Item]:
    """Check every item of a stage's checklist.

    Raises
    ------
    ShopProblem
        If there is no such stage, or its settings are invalid.
    """
    stage = stages.load(layout.stages, name)
    refused = None
    try:
        to = find_target(layout, name)
    except ShopProblem as problem:
        to, refused = _offline(layout, stage), problem
    except (BotoCoreError, ClientError) as error:
        refused = ShopProblem(
            f"AWS does not answer: {str(error).rstrip('.')}.",
            "Check the connection, and the permissions of the credentials.",
        )
        to = _offline(layout, stage)
    found: dict[str, Item] = {}
    for check in checks:
        if refused and check.item == "credentials":
            found[check.item] = Item(check.item, "missing", refused.what, refused.remedy)
        else:
            found[check.item] = _item(check, to, found)
    return list(found.values())


def _offline(layout: Layout, stage: Stage) -> Target:
    """Return a target for the checks that do not call AWS."""
    cloud = Cloud(stage.name, stage.aws or None, stage.region, parameters=stage.parameters)
    return Target(layout, stage, cloud, ())


def _item(check: Check, to: Target, found: dict[str, Item]) -> Item:
    for needed in check.needs:
        if found[needed].status != "ok":
            return Item(check.item, "waiting", f"It depends on the item {needed}.")
    try:
        return Item(check.item, "ok", check.run(to))
    except user_pool.NotDeployedError:
        return Item(check.item, "waiting", "It depends on the item services.")
    except ShopProblem as problem:
        return Item(check.item, "missing", problem.what, problem.remedy)
    except (BotoCoreError, ClientError, RequestException) as error:
        return Item(
            check.item,
            "unknown",
            f"It cannot be checked: {str(error).rstrip('.')}.",
            "Check the connection, and the permissions of the credentials.",
        )
