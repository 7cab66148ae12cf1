"""Sending emails: the sender's domain, the account's limits, and sign-ups."""

from shopctl.aws import ses
from shopctl.aws.target import Target
from shopctl.doctor import user_pool
from shopctl.project.errors import ShopProblem


def domain(to: Target) -> str:
    """Check that SES has verified the sender's domain with DKIM."""
    name = to.stage.sender_domain
    identity = ses.identity(to.cloud, name)
    if identity is None:
        raise ShopProblem(
            f"SES does not know the domain {name}.",
            f"Run ./shop deploy --stage {to.stage.name} --resources notifications.",
        )
    if not identity.verified:
        raise ShopProblem(
            f"SES has not verified the domain {name}: DKIM is {identity.status}.",
            f"Add these records to DNS: {'; '.join(identity.records)}.",
        )
    return f"SES has verified {name}."


def sending(to: Target) -> str:
    """Check that SES sends emails to everyone, unless the stage is marked as a sandbox."""
    account = to.cloud.client("sesv2").get_account()
    if not account["SendingEnabled"]:
        raise ShopProblem(
            "SES has suspended sending.", "See the account dashboard in the SES console."
        )
    if account["ProductionAccessEnabled"]:
        plan = account.get("PricingAttributes", {}).get("CurrentPlan", "NONE")
        sends = "SES sends to every address."
        if plan == "NONE":
            return sends
        return f"{sends} It is on the {plan} plan, which the shop does not need."
    if to.stage.ses_sandbox:
        return "SES is in the sandbox, as stages.toml says: it sends to verified addresses only."
    raise ShopProblem(ses.IN_SANDBOX, ses.LEAVE_SANDBOX)


def sign_up(to: Target) -> str:
    """Check that Cognito sends its codes through SES, not itself with its low daily limit."""
    if to.stage.auto_confirm_users or to.stage.ses_sandbox:
        return "Sign-ups need no email through SES."
    found = to.cloud.client("cognito-idp").describe_user_pool(UserPoolId=user_pool.of(to))
    sender = found["UserPool"].get("EmailConfiguration", {}).get("EmailSendingAccount")
    if sender != "DEVELOPER":
        raise ShopProblem(
            "Cognito sends its codes itself, only about 50 a day.",
            f"Deploy the user pool again: ./shop deploy --stage {to.stage.name} storefront_api.",
        )
    return "Cognito sends its codes through SES."
