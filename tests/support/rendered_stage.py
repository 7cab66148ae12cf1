"""The templates of a stage, as deployed and after AWS's transform."""

import json
import logging
import os
import subprocess
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import pytest

from support.paths import ROOT, SAMPLE_STAGES, TOOLS

# with the tools' Python, as the tests' environments lack what packages an app
_WRITE = """
import sys
from pathlib import Path
from shopctl.deploying import export
from shopctl.project import stages
from shopctl.project.layout import Layout
list(export.write(stages.load(Path(sys.argv[1]), sys.argv[2]), Layout.find(), Path(sys.argv[3])))
"""
_CODE_DEPLOY = "AWSCodeDeployRoleForLambda"

# it warns about feature toggles that exist only at AWS
logging.getLogger("samtranslator").setLevel(logging.ERROR)


class _ManagedPolicies:
    def load(self) -> dict[str, str]:
        return {_CODE_DEPLOY: f"arn:aws:iam::aws:policy/service-role/{_CODE_DEPLOY}"}


@dataclass(frozen=True)
class Templates:
    """What `./shop templates` writes for a stage of the tests."""

    stage: str
    home: Path

    @classmethod
    def make(cls, stage: str, home: Path) -> "Templates":
        subprocess.run([str(ROOT / "shop"), "--help"], check=True, capture_output=True)
        done = subprocess.run(
            [
                str(ROOT / ".venv" / "bin" / "python"),
                *("-c", _WRITE, str(SAMPLE_STAGES), stage, str(home / "deployed")),
            ],
            env={**os.environ, "PYTHONPATH": str(TOOLS)},
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return cls(stage, home)

    @property
    def deployed(self) -> list[Path]:
        return sorted((self.home / "deployed").glob("*.json"))

    @cached_property
    def releases(self) -> dict[str, Any]:
        """Each service's template, by its name."""
        found = {path.stem: json.loads(path.read_text()) for path in self.deployed}
        return {name: found[name] for name in found if not name.endswith("-resources")}

    @cached_property
    def translated(self) -> dict[str, Any]:
        """Each service's template as CloudFormation gets it, after AWS's transform."""
        return {name: self.translate(template) for name, template in self.releases.items()}

    @staticmethod
    def translate(template: dict[str, Any]) -> dict[str, Any]:
        """Return a template after AWS's transform."""
        # the environments of the other tests, which also collect these, do not have the package
        from samtranslator.translator.transform import transform

        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("AWS_DEFAULT_REGION", "ap-southeast-2")
            # the transform changes its argument
            copy = json.loads(json.dumps(template))
            made: dict[str, Any] = transform(copy, {}, _ManagedPolicies())
            return made

    def write_translated(self, *, decided: bool = False) -> list[Path]:
        """Write each template after AWS's transform.

        Parameters
        ----------
        decided
            Whether to evaluate the condition `RetainsData`, for tools that cannot do it
            themselves.
        """
        directory = self.home / ("decided" if decided else "translated")
        directory.mkdir(exist_ok=True)
        for path in self.deployed:
            made = self.translated.get(path.stem) or json.loads(path.read_text())
            made = _evaluated(made) if decided else made
            (directory / path.name).write_text(json.dumps(made, indent=1))
        return sorted(directory.glob("*.json"))


def _evaluated(value: Any) -> Any:
    """Resolve the condition `RetainsData`, which is true in every stage on AWS."""
    if isinstance(value, dict):
        if "Fn::If" in value and value["Fn::If"][0] == "RetainsData":
            return value["Fn::If"][1]
        return {key: _evaluated(child) for key, child in value.items()}
    if isinstance(value, list):
        return [_evaluated(child) for child in value]
    return value
