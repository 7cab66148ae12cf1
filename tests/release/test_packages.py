"""The code that is released to AWS, built for real with the Python that runs these tests."""

import platform
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from shopctl.packaging.package import Package, build
from shopctl.project import services
from shopctl.project.layout import Layout
from shopctl.project.services import Service

CHECKOUT = Layout.find()
SERVICES = services.load(CHECKOUT.apps)
VERSION = f"{sys.version_info.major}.{sys.version_info.minor}"
# the only machines that can import what is built for Lambda
LIKE_LAMBDA = (sys.platform, platform.machine()) == ("linux", "x86_64")


def built_in(root: Path, service: Service) -> Package:
    """Build a service for AWS in a new directory, without anything built or installed before."""
    layout = Layout(root, root / "home")
    layout.lock.parent.mkdir(parents=True)
    layout.lock.write_bytes(CHECKOUT.lock.read_bytes())
    return build(service, "local", layout, for_lambda=True)


@pytest.mark.timeout(300)
@pytest.mark.parametrize("service", SERVICES, ids=lambda service: service.name)
def test_same_sources_make_the_same_release_anywhere(service: Service, tmp_path: Path) -> None:
    # WHEN a service is built twice, in directories of other names
    first = built_in(tmp_path / "one", service)
    second = built_in(tmp_path / "another-one", service)
    # THEN the releases are the same to the byte
    assert first.archive.read_bytes() == second.archive.read_bytes()
    assert first.template == second.template
    # AND they are for the Python that built them
    functions = [
        resource["Properties"]
        for resource in first.template["Resources"].values()
        if resource["Type"] == "AWS::Serverless::Function"
    ]
    assert {function["Runtime"] for function in functions} == {f"python{VERSION}"}
    with zipfile.ZipFile(first.archive) as release:
        names = release.namelist()
        release.extractall(tmp_path / "task")
    compiled = {name.split(".")[-2] for name in names if name.endswith(".pyc")}
    assert compiled == {sys.implementation.cache_tag}
    # AND the app starts with nothing but what is in the release
    if LIKE_LAMBDA:
        # Lambda itself sets the region
        variables = {"AWS_REGION": "us-east-1", **functions[0]["Environment"]["Variables"]}
        variables["AWS_DEFAULT_REGION"] = variables["AWS_REGION"]
        program = f"import sys; sys.path.insert(0, {str(tmp_path / 'task')!r}); import app; app.app"
        done = subprocess.run(
            [sys.executable, "-I", "-S", "-W", "error", "-c", program],
            env={name: str(value) for name, value in variables.items()},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
