"""`./shop env`: the shop's URLs and credentials for other programs."""

import click

from shopctl.cli.options import json_option, print_json, running
from shopctl.project.layout import Layout


@click.command("env")
@json_option
def env_command(json_: bool) -> None:
    """Print URLs and AWS credentials as environment variables.

    `eval "$(./shop env)"` sets them in a shell.
    """
    shop = running(Layout.find())
    variables = {
        "SHOP_URL": shop["edge"].url,
        "SHOP_GATEWAY_URL": shop["gateway"].url,
        "AWS_ENDPOINT_URL": shop["aws"].url,
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_ACCESS_KEY_ID": "000000000000",
        "AWS_SECRET_ACCESS_KEY": "local",
    }
    if json_:
        print_json(variables)
    else:
        click.echo("\n".join(f"export {name}={value}" for name, value in variables.items()))
