"""Building packages."""

import hashlib
import json
import os
import re
import shutil
import sys
import time
import zipfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest

from shopctl.packaging import archive, dependencies, package, prebuilt
from shopctl.packaging.package import Package, build, remove_reserved_variables, with_urls
from shopctl.project import manifest
from shopctl.project.errors import ShopProblem
from shopctl.project.layout import Layout
from shopctl.project.services import Service
from support.paths import ROOT, SAMPLE_APPS

SAMPLE = SAMPLE_APPS / "echo"
REQUIREMENTS = ROOT / "requirements"


def test_same_content_makes_the_same_archive(tmp_path: Path) -> None:
    # GIVEN two trees with the same content, written at different times and in another order
    for name, files in (("a", ("x.py", "y.py")), ("b", ("y.py", "x.py"))):
        (tmp_path / name).mkdir()
        for file in files:
            (tmp_path / name / file).write_text(file)
            time.sleep(0.01)
        archive.write(tmp_path / f"{name}.zip", archive.tree(tmp_path / name))
    # THEN the zips have the same bytes
    assert (tmp_path / "a.zip").read_bytes() == (tmp_path / "b.zip").read_bytes()


def test_later_file_replaces_one_of_the_same_name(tmp_path: Path) -> None:
    (tmp_path / "old").write_text("old")
    (tmp_path / "new").write_text("new")
    content = [("app.py", tmp_path / "old"), ("app.py", tmp_path / "new")]
    archive.write(tmp_path / "out.zip", content)
    with zipfile.ZipFile(tmp_path / "out.zip") as written:
        assert written.namelist() == ["app.py"]
        assert written.read("app.py") == b"new"


def test_variables_that_lambda_reserves_are_removed(tmp_path: Path) -> None:
    # GIVEN a configuration with variables that only a laptop needs
    config = tmp_path / "config.json"
    variables = {
        "AWS_ENDPOINT_URL": "http://127.0.0.1:4566",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_ACCESS_KEY_ID": "000000000000",
        "AWS_SECRET_ACCESS_KEY": "local",
    }
    other = {"environment_variables": {"AWS_REGION": "x", "A": "1"}}
    config.write_text(
        json.dumps({"stages": {"local": {"environment_variables": variables}, "other": other}})
    )
    # WHEN they are removed
    environment = remove_reserved_variables(config, "local")
    # THEN no stage has them
    stages = json.loads(config.read_text())["stages"]
    assert stages["local"]["environment_variables"].keys() == {"AWS_ENDPOINT_URL"}
    assert stages["other"]["environment_variables"] == {"A": "1"}
    # AND the app can still be imported with all of them
    assert environment == variables


def layout_in(directory: Path) -> Layout:
    layout = Layout(root=directory / "root", home=directory / "home")
    layout.lock.parent.mkdir(parents=True)
    layout.lock.write_text("")
    return layout


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    return layout_in(tmp_path)


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, str]]:
    """Build the prebuilt packages once; return their directory and their digests."""
    directory = tmp_path_factory.mktemp("built")
    service = Service(SAMPLE, manifest.read(SAMPLE / "service.toml"))
    digests = prebuilt.write([service], layout_in(directory), directory / "packages")
    return directory / "packages", digests


@pytest.fixture
def packages(built: tuple[Path, dict[str, str]], tmp_path: Path) -> Path:
    """Return a copy of the prebuilt packages that a test may change."""
    return Path(shutil.copytree(built[0], tmp_path / "packages"))


@pytest.fixture
def echo() -> Service:
    return Service(SAMPLE, manifest.read(SAMPLE / "service.toml"))


def test_package_contains_the_app_and_its_byte_code(
    echo: Service, layout: Layout, monkeypatch: pytest.MonkeyPatch
) -> None:
    # wherever the caller's own byte-code is kept
    monkeypatch.setenv("PYTHONPYCACHEPREFIX", str(layout.home))
    package = build(echo, "local", layout)
    with zipfile.ZipFile(package.archive) as written:
        names = written.namelist()
    assert {"app.py", "chalice/app.py"} <= set(names)
    assert any(name.startswith("__pycache__/app.") for name in names)
    functions = [
        resource["Properties"]["FunctionName"]["Fn::Sub"]
        for resource in package.template["Resources"].values()
        if "FunctionName" in resource["Properties"]
        and resource["Type"] == "AWS::Serverless::Function"
    ]
    assert "toyshop-${Stage}-echo-on-sns-message" in functions


def test_unchanged_service_is_packaged_once_for_all_shops(
    echo: Service, layout: Layout, tmp_path: Path
) -> None:
    # GIVEN two shops of one checkout WHEN both package a service at the same time
    layouts = [layout, replace(layout, home=tmp_path / "other")]
    with ThreadPoolExecutor(2) as pool:
        packages = list(pool.map(lambda one: build(echo, "local", one), layouts))
    # THEN one of them has built it for both
    assert sorted(package.reused for package in packages) == [False, True]
    assert packages[0].archive == packages[1].archive
    assert packages[0].template == packages[1].template
    # AND other settings make another package
    config = (SAMPLE / ".chalice" / "config.json").read_text().replace(":4566", ":9000")
    assert not build(echo, "local", layout, rendered={"config.json": config}).reused


def test_packages_that_were_not_used_for_long_are_deleted(tmp_path: Path) -> None:
    for hour in range(7):
        (tmp_path / str(hour)).mkdir()
        os.utime(tmp_path / str(hour), (3600 * hour, 3600 * hour))
    (tmp_path / "lock").touch()
    package._delete_oldest(tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {"2", "3", "4", "5", "6", "lock"}


def test_urls_of_a_template_are_replaced_at_once(echo: Service, tmp_path: Path) -> None:
    # GIVEN URLs of which one is another's replacement, and one begins like another
    local = "http://127.0.0.1"
    variables = {"AWS": f"{local}:4566/queue", "ORIGIN": f"{local}:8000", "OTHER": f"{local}:80001"}
    packaged = Package(echo, tmp_path, {"Variables": variables}, "digest", reused=False)
    # WHEN they are replaced
    urls = {f"{local}:4566": f"{local}:8000", f"{local}:8000": f"{local}:9000"}
    # THEN each has changed once, and nothing else has
    assert with_urls(packaged, urls).template["Variables"] == {
        "AWS": f"{local}:8000/queue",
        "ORIGIN": f"{local}:9000",
        "OTHER": f"{local}:80001",
    }


def test_broken_link_in_vendor_is_refused(layout: Layout, tmp_path: Path) -> None:
    directory = tmp_path / "echo"
    shutil.copytree(SAMPLE, directory)
    (directory / "vendor").mkdir()
    (directory / "vendor" / "contracts").symlink_to(tmp_path / "nowhere")
    service = Service(directory, manifest.read(directory / "service.toml"))
    with pytest.raises(ShopProblem, match="vendor/contracts of echo is a broken link"):
        build(service, "local", layout)


def test_requirement_that_was_not_installed_is_named(tmp_path: Path) -> None:
    requirements = tmp_path / "requirements.txt"
    text = "six==1.17.0 \\\n    --hash=sha256:00\nmissing_one>=2\nold; python_version<'3'\n"
    (tmp_path / "six-1.17.0.dist-info").mkdir()
    with pytest.raises(ShopProblem, match=r"^missing-one of "):
        dependencies._check(text, tmp_path, requirements)


def test_two_stages_share_the_same_code(echo: Service, layout: Layout) -> None:
    # GIVEN two stages with settings of their own
    config = json.loads((SAMPLE / ".chalice" / "config.json").read_text())
    made = []
    for stage in ("staging", "prod"):
        section = json.loads(json.dumps(config["stages"]["local"]))
        section["environment_variables"]["STAGE"] = stage
        rendered = json.dumps({**config, "stages": {stage: section}})
        # WHEN a service is packaged for each
        made.append(build(echo, stage, layout, rendered={"config.json": rendered}))
    # THEN the templates have the settings, and the code is the same
    assert made[0].template != made[1].template
    assert made[0].archive != made[1].archive
    assert made[0].archive.read_bytes() == made[1].archive.read_bytes()


def test_prebuilt_code_is_used_unchanged(
    echo: Service, layout: Layout, built: tuple[Path, dict[str, str]], packages: Path
) -> None:
    # GIVEN code that was built
    code = prebuilt.read([echo], layout, packages).code(echo)
    assert built[1] == {"echo": hashlib.sha256(code.read_bytes()).hexdigest()}
    # WHEN a stage is packaged with it THEN nothing is built, and the bytes are the same
    package = build(echo, "local", layout, code=code)
    assert package.archive.read_bytes() == code.read_bytes()
    assert not package.reused
    assert build(echo, "local", layout, code=code).reused
    # AND other code makes another package
    code.write_bytes(b"other")
    assert not build(echo, "local", layout, code=code).reused


def change_code(directory: Path) -> None:
    (directory / "echo.zip").write_bytes(b"else")


def change_index(old: str, new: str) -> Callable[[Path], None]:
    def change(directory: Path) -> None:
        index = directory / "packages.json"
        text = index.read_text()
        assert old in text
        index.write_text(text.replace(old, new))

    return change


@pytest.mark.parametrize(
    ("damage", "sentence"),
    [
        (change_code, "was changed after it was built"),
        (lambda directory: (directory / "echo.zip").unlink(), "has no package of echo"),
        (lambda directory: (directory / "packages.json").unlink(), "There are no packages in"),
        (change_index('"sources": "', '"sources": "0'), "was built from other sources"),
        (change_index(prebuilt.PYTHON, "3.9"), "are for Python 3.9, and this is"),
        (change_index("python", "snake"), "packages.json is invalid"),
    ],
)
def test_unsuitable_prebuilt_packages_are_refused(
    echo: Service,
    layout: Layout,
    packages: Path,
    damage: Callable[[Path], None],
    sentence: str,
) -> None:
    damage(packages)
    with pytest.raises(ShopProblem, match=sentence):
        prebuilt.read([echo], layout, packages)


def test_packages_of_another_python_name_the_way_to_get_it(
    echo: Service, layout: Layout, packages: Path
) -> None:
    change_index(prebuilt.PYTHON, "3.9")(packages)
    with pytest.raises(ShopProblem) as refused:
        prebuilt.read([echo], layout, packages)
    assert ".venv/bin/uv python install 3.9" in refused.value.remedy


def test_tools_and_tests_pin_the_same_versions() -> None:
    # GIVEN the lock files of the tools, which include the apps' packages, and of the tests
    pinned = [
        dict(re.findall(r"^([a-z0-9-]+)==(\S+)", (REQUIREMENTS / name).read_text(), re.MULTILINE))
        for name in ("tools.txt", "test.txt")
    ]
    # THEN they pin the same versions
    shared = pinned[0].keys() & pinned[1].keys()
    assert {"botocore", "stripe", "urllib3"} <= shared
    assert {name: pinned[0][name] for name in shared} == {name: pinned[1][name] for name in shared}


@pytest.mark.parametrize("prefix", [None, "elsewhere"])
def test_byte_code_of_an_equal_file_is_used_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, prefix: str | None
) -> None:
    # GIVEN a compiled tree, whether or not Python keeps its own byte-code elsewhere
    monkeypatch.setattr(sys, "pycache_prefix", prefix and str(tmp_path / prefix))
    for tree, content in (("one", "A = 1"), ("two", "A = 1"), ("three", "A = 3")):
        (tmp_path / tree).mkdir()
        (tmp_path / tree / "module.py").write_text(content)
    dependencies.compile_tree(tmp_path / "one", reproducible=False)
    # WHEN others are compiled, one with the same file
    for tree in ("two", "three"):
        dependencies.compile_tree(tmp_path / tree, reproducible=False, like=[tmp_path / "one"])
    # THEN only the equal file has the same byte-code
    one, two, three = (
        next((tmp_path / tree / "__pycache__").glob("module.*.pyc"))
        for tree in ("one", "two", "three")
    )
    assert one.samefile(two)
    assert three.read_bytes() != one.read_bytes()


def test_byte_code_of_a_tree_that_is_still_being_made_is_not_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # GIVEN a store with a tree, and one that another process is making, and may rename or delete
    (tmp_path / "store" / "finished").mkdir(parents=True)
    (tmp_path / "store" / "other.4711").mkdir()
    used: list[Path] = []
    monkeypatch.setattr(dependencies, "compile_tree", lambda *_, like, **__: used.extend(like))
    # WHEN a third is made
    lock = REQUIREMENTS / "tools.txt"
    dependencies.install(tmp_path / "none", tmp_path / "store", lock=lock, for_lambda=False)
    # THEN only the finished tree's byte-code may be used
    assert used == [tmp_path / "store" / "finished"]
