"""The deployed services and web page, and the shop's users and toys."""

import os

from shopctl import drift
from shopctl.aws.target import PAGE, Target
from shopctl.deploying.gradual_release import ALIAS
from shopctl.doctor import user_pool
from shopctl.drift import planned
from shopctl.operating import staff as users
from shopctl.project import aws_names
from shopctl.project.errors import ShopProblem

SMOKE_EMAIL = "SHOP_SMOKE_EMAIL"


def services(to: Target) -> str:
    """Check that every service is deployed as in this checkout."""
    names = [service.name for service in to.services]
    found = drift.find(to.layout, to.stage.name, names, live=False)
    how = "Run ./shop deploy --stage " + to.stage.name
    if to.stage.mode == "chalice":
        how = "Deploy them as docs/operating.md describes for chalice deploy"
    absent = [one.name for one in found.stacks if one.outcome == "created"]
    if absent:
        raise ShopProblem(f"Not deployed: {', '.join(absent)}.", f"{how}.")
    changed = [one.name for one in found.stacks if one.outcome == "changed"]
    if changed or found.resources:
        raise ShopProblem(
            f"Different from this checkout: {', '.join(changed) or 'resources of the stage'}.",
            f"{how}; ./shop diff shows the differences.",
        )
    return f"{len(names)} services are deployed and up to date."


def snapshots(to: Target) -> str:
    """Check that live versions have a snapshot and older ones have none."""
    if not to.stage.snap_start or to.cloud.is_local:
        return "The stage has no snapshots."
    client = to.cloud.client("lambda")
    pages = client.get_paginator("list_functions").paginate(FunctionVersion="ALL")
    versions = [
        one
        for page in pages
        for one in page["Functions"]
        if one["FunctionName"].startswith(aws_names.resource(to.stage.name, ""))
        and one.get("SnapStart", {}).get("ApplyOn") == "PublishedVersions"
    ]
    names = sorted({one["FunctionName"] for one in versions if one["Version"] == "$LATEST"})
    if not names:
        raise ShopProblem(
            "No function has snapshots.", f"Run ./shop deploy --stage {to.stage.name}."
        )
    for name in names:
        taken = {
            one["Version"]
            for one in versions
            if one["FunctionName"] == name and one["SnapStart"]["OptimizationStatus"] == "On"
        }
        live = client.get_alias(FunctionName=name, Name=ALIAS)["FunctionVersion"]
        if live not in taken:
            raise ShopProblem(
                f"The live version {live} of {name} has no snapshot.",
                "Deploy a change to the service: each new version gets a snapshot.",
            )
        for old in sorted(taken - {live}, key=int):
            raise ShopProblem(
                f"The snapshot of version {old} of {name} is still billed; {live} is live.",
                "Unless a release is in progress, delete the version: aws lambda delete-function"
                f" --region {to.stage.region} --function-name {name} --qualifier {old}.",
            )
    return f"Functions that start from snapshots: {len(names)}."


def page(to: Target) -> str:
    """Check that the web page of this checkout is published."""
    if planned.page_of(to).outcome != "unchanged":
        raise ShopProblem(
            "The web page of this checkout is not published.",
            f"Run ./shop deploy --stage {to.stage.name} {PAGE}.",
        )
    return "The web page is published."


def staff(to: Target) -> str:
    """Check that the stage has a staff user, who can manage the catalogue."""
    cognito = to.cloud.client("cognito-idp")
    members = users.members(cognito, user_pool.of(to))
    found = [user for user in members if users.can_sign_in(user)]
    if not found:
        raise ShopProblem(
            "Nobody is staff.",
            f"Sign up in the shop, then run ./shop staff add EMAIL --stage {to.stage.name}.",
        )
    return f"{len(found)} staff {'user' if len(found) == 1 else 'users'} can sign in."


def toys(to: Target) -> str:
    """Check that the shop has something to sell."""
    dynamodb = to.cloud.client("dynamodb")
    table = aws_names.resource(to.stage.name, "toys")
    try:
        empty = not dynamodb.scan(TableName=table, Limit=1)["Items"]
    except dynamodb.exceptions.ResourceNotFoundException:
        raise ShopProblem(
            f"There is no table {table}.", f"Run ./shop deploy --stage {to.stage.name}."
        ) from None
    if empty:
        raise ShopProblem(
            "The catalogue has no toys.",
            f"Add toys as staff, or the sample toys with ./shop seed --stage {to.stage.name}.",
        )
    return "The catalogue has toys."


def smoke_user(to: Target) -> str:
    """Check that the smoke test can sign in where it places orders."""
    if not to.stage.test_payments or to.stage.auto_confirm_users:
        return "The smoke test needs no user of its own."
    email = os.environ.get(SMOKE_EMAIL, "")
    remedy = f"Sign up a customer in the shop, confirm the address, and set {SMOKE_EMAIL} to it."
    if not email:
        raise ShopProblem(f"{SMOKE_EMAIL} does not name the smoke test's user.", remedy)
    user = users.find(to.cloud.client("cognito-idp"), user_pool.of(to), email)
    if user is None or not users.can_sign_in(user):
        raise ShopProblem(f"{email} cannot sign in.", remedy)
    return f"{email} can sign in."
