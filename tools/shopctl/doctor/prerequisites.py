"""What a stage needs before anything is deployed."""

from shopctl.aws import ssm_parameters
from shopctl.aws.ssm_parameters import ExpectedValues
from shopctl.aws.target import Target
from shopctl.deploying import concurrency, deploy
from shopctl.project import new_stage, stages
from shopctl.project.errors import ShopProblem

_NO_TAX = f'For prices without tax, set tax_name = "{stages.NO_TAX}" and tax_percent = 0.'


def settings(to: Target) -> str:
    """Check that nothing in the stage's section is left to be filled in."""
    stage = to.stage
    missing = new_stage.incomplete(stage)
    if missing:
        raise ShopProblem(
            f"stages.toml lacks {', '.join(missing)} of {stage.name}.",
            "Fill them in there."
            + (f" {_NO_TAX}" if {"tax_name", "tax_percent"} & {*missing} else ""),
        )
    kind = "test" if stage.test_payments else "live"
    if stage.stripe_publishable_key and f"_{kind}_" not in stage.stripe_publishable_key:
        raise ShopProblem(
            f"test_payments is {str(stage.test_payments).lower()}, and stripe_publishable_key is"
            f" not a {kind} key.",
            f"Set the pk_{kind}_ key of Stripe's dashboard in stages.toml, or correct"
            " test_payments.",
        )
    return "stages.toml is complete."


def python(to: Target) -> str:
    """Check that this Python can build a release."""
    deploy.check_python(to)
    return "This Python can build releases."


def quota(to: Target) -> str:
    """Check that the account can reserve the concurrency of the functions."""
    names = [service.dashed for service in to.services]
    published = ssm_parameters.read(to.cloud)
    concurrency.check(to, ExpectedValues(published, [*names, "network", "alarms"]))
    return "The account's limit of concurrent executions is high enough."


def credentials(to: Target) -> str:
    """Return the account, which was verified when the target was found."""
    return f"The credentials belong to the account {to.stage.account}."
