"""cfn-lint is content with what AWS makes of the templates; `./shop check` lints them before."""

import subprocess
import sys
from pathlib import Path

from support.rendered_stage import Templates

# it has no __main__
_LINT = "import sys; from cfnlint.runner import main; sys.exit(main())"


def lint(paths: list[Path]) -> str:
    command = [sys.executable, "-c", _LINT, *map(str, paths)]
    return subprocess.run(command, capture_output=True, text=True, check=False).stdout


def test_what_aws_makes_of_them(prod: Templates) -> None:
    assert lint(prod.write_translated()) == ""
