"""`chalice deploy` to the embedded AWS: create, change in place, delete."""

import json
import shutil
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

import embedded_aws
from shopctl.aws.clients import Cloud
from shopctl.local import activity, environment, processes
from shopctl.project.layout import Layout
from support.ports import free_port

# refuses to wait: botocore polls every five seconds until a function is active
CHALICE = """
import sys, time

sleep = time.sleep
time.sleep = lambda s: sys.exit(f"Chalice waits for {s} seconds") if s >= 5 else sleep(s)

from chalice.cli import main

sys.exit(main())
"""
APP = """
from chalice import AuthResponse, Chalice

app = Chalice(app_name="sample")


@app.authorizer()
def gatekeeper(request):
    routes = ["*"] if request.token == "open" else []
    return AuthResponse(routes=routes, principal_id="someone")


@app.route("/things/{name}")
def thing(name):
    return {"name": name, "release": 1}


@app.route("/secret", authorizer=gatekeeper)
def secret():
    return {"known": True}
"""


@dataclass
class Sample:
    """An app in a temporary folder, and the embedded AWS that it is deployed to."""

    directory: Path
    aws: str

    @property
    def cloud(self) -> Cloud:
        return Cloud("test", self.aws)

    def chalice(self, command: str) -> None:
        """Run a command of Chalice, which has to find each function active at once."""
        done = subprocess.run(
            [sys.executable, "-c", CHALICE, command, "--stage", "test"],
            cwd=self.directory,
            env=environment.variables(
                AWS_ENDPOINT_URL=self.aws,
                AWS_DEFAULT_REGION="us-east-1",
                AWS_ACCESS_KEY_ID="000000000000",
                AWS_SECRET_ACCESS_KEY="local",
            ),
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr

    @property
    def api_id(self) -> str:
        noted = json.loads((self.directory / ".chalice" / "deployed" / "test.json").read_text())
        return next(str(r["rest_api_id"]) for r in noted["resources"] if r["name"] == "rest_api")

    def get(self, path: str, token: str = "") -> tuple[int, Any]:
        url = f"{self.aws}/restapis/{self.api_id}/api/_user_request_{path}"
        request = urllib.request.Request(url, headers={"Authorization": token} if token else {})
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:
                return answer.status, json.load(answer)
        except urllib.error.HTTPError as error:
            return error.code, None


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sample]:
    layout, home = Layout.find(), tmp_path_factory.mktemp("chalice")
    environment.prepare_aws(layout)
    port = free_port()
    command = [str(layout.aws_python), embedded_aws.__path__[0], "--port", str(port)]
    process = processes.start(
        "aws",
        [*command, "--home", str(home)],
        port=port,
        log=home / "aws.log",
        environment=environment.variables(),
    )
    directory = home / "sample"
    (directory / ".chalice").mkdir(parents=True)
    (directory / "app.py").write_text(APP)
    (directory / "requirements.txt").write_text("")
    stage = {"api_gateway_stage": "api", "autogen_policy": True}
    config = {"version": "2.0", "app_name": "sample", "stages": {"test": stage}}
    (directory / ".chalice" / "config.json").write_text(json.dumps(config))
    try:
        activity.wait_until_answers(process.url, "aws.log", gone=lambda: not process.is_alive())
        yield Sample(directory, process.url)
    finally:
        processes.stop(process)
        shutil.rmtree(home, ignore_errors=True)


def test_deployed_app_answers(sample: Sample) -> None:
    # WHEN an app is deployed for the first time
    sample.chalice("deploy")
    # THEN its routes answer, and its authorizer decides
    assert sample.get("/things/kite") == (200, {"name": "kite", "release": 1})
    assert sample.get("/secret") == (401, None)
    assert sample.get("/secret", "shut") == (403, None)
    assert sample.get("/secret", "open") == (200, {"known": True})


def test_changed_app_keeps_its_api(sample: Sample) -> None:
    # GIVEN a deployed app with one route removed, one added and one changed
    before = sample.api_id
    text = (sample.directory / "app.py").read_text()
    text = text.replace('"release": 1', '"release": 2').replace('"/secret"', '"/hidden/deeper"')
    (sample.directory / "app.py").write_text(text)
    # WHEN it is deployed again
    sample.chalice("deploy")
    # THEN it is the same API with exactly the new routes
    assert sample.api_id == before
    assert sample.get("/things/kite") == (200, {"name": "kite", "release": 2})
    assert sample.get("/hidden/deeper", "open") == (200, {"known": True})
    assert sample.get("/secret", "open")[0] in (403, 404)
    gateway = sample.cloud.client("apigateway")
    assert len(gateway.get_rest_apis()["items"]) == 1
    assert len(gateway.get_authorizers(restApiId=before)["items"]) == 1


def test_endpoint_type_can_be_changed(sample: Sample) -> None:
    gateway = sample.cloud.client("apigateway")
    gateway.update_rest_api(
        restApiId=sample.api_id,
        patchOperations=[
            {"op": "replace", "path": "/endpointConfiguration/types/EDGE", "value": "PRIVATE"},
            {"op": "replace", "path": "/minimumCompressionSize", "value": ""},
        ],
    )
    api = gateway.get_rest_api(restApiId=sample.api_id)
    assert api["endpointConfiguration"]["types"] == ["PRIVATE"]
    assert "minimumCompressionSize" not in api


def test_deleted_app_leaves_nothing(sample: Sample) -> None:
    sample.chalice("delete")
    assert sample.cloud.client("apigateway").get_rest_apis()["items"] == []
    assert sample.cloud.client("lambda").list_functions()["Functions"] == []
