"""cfn-lint is content with all that is deployed to the stages on AWS."""

import subprocess
import sys
from pathlib import Path

from templates.stage import ROOT, Templates

# it has no __main__
_LINT = "import sys; from cfnlint.runner import main; sys.exit(main())"


def lint(paths: list[Path]) -> str:
    command = [sys.executable, "-c", _LINT, *map(str, paths)]
    return subprocess.run(command, capture_output=True, text=True, check=False).stdout


def test_every_template_of_every_stage_on_aws(staging: Templates, prod: Templates) -> None:
    assert lint([*staging.deployed, *prod.deployed]) == ""


def test_what_aws_makes_of_them(prod: Templates) -> None:
    assert lint(prod.write_translated()) == ""


def test_what_no_service_owns() -> None:
    assert lint(sorted((ROOT / "infra").glob("*.yaml"))) == ""
