"""cfn-lint has no finding in the translated templates; `./shop check` lints the originals."""

import subprocess
import sys
from pathlib import Path

from support.rendered_stage import Templates

# cfn-lint has no __main__
_LINT = "import sys; from cfnlint.runner import main; sys.exit(main())"


def lint(paths: list[Path]) -> str:
    command = [sys.executable, "-c", _LINT, *map(str, paths)]
    return subprocess.run(command, capture_output=True, text=True, check=False).stdout


def test_translated_templates_have_no_finding(prod: Templates) -> None:
    assert lint(prod.write_translated()) == ""
