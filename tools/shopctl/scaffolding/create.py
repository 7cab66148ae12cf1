"""Renders a new service in a copy of the checkout, and copies it back once it is complete."""

import contextlib
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from shopctl.checking.diagrams import graph
from shopctl.checking.repository import Repository
from shopctl.contracts import check
from shopctl.deploying import stage_config
from shopctl.project import services, stages
from shopctl.project.errors import ShopProblem
from shopctl.project.layout import Layout
from shopctl.scaffolding import context, registrations
from shopctl.scaffolding.published_language import PublishedLanguage
from shopctl.scaffolding.request import Request

_TEMPLATES = Path(__file__).parent / "templates"
_PARTS = ("apps", "docs", "infra", "libs", "requirements", "tests")
_IGNORED = shutil.ignore_patterns("__pycache__", ".*_cache", "deployments", "*.pyc")
_ID_PREFIX = re.compile(r"(?:new_id|derived_id)\(\s*\"([a-z]+)\"|ID_PREFIX = \"([a-z]+)\"")


def create(layout: Layout, request: Request, language: PublishedLanguage, ruff: Path) -> list[str]:
    """Create a service: contract, app, tests, documents, and its entries in shared files.

    Nothing in the checkout changes until everything is complete.

    Parameters
    ----------
    layout
        The checkout.
    request
        The service to create.
    language
        The events and operations of the existing services.
    ruff
        The program that formats the generated code.

    Returns
    -------
    list of str
        The files and links that were created or changed, relative to the checkout.

    Raises
    ------
    ShopProblem
        If a step fails; the checkout is then as it was.
    """
    with _prepared(layout, request, language, ruff) as (copy, changed):
        _move(copy, layout.root, changed)
    return changed


def preview(layout: Layout, request: Request, language: PublishedLanguage, ruff: Path) -> list[str]:
    """Return the files and links that ``create`` would create or change, and change nothing."""
    with _prepared(layout, request, language, ruff) as (_, changed):
        return changed


@contextlib.contextmanager
def _prepared(
    layout: Layout, request: Request, language: PublishedLanguage, ruff: Path
) -> Iterator[tuple[Path, list[str]]]:
    with tempfile.TemporaryDirectory(prefix="shop-new-") as folder:
        copy = Path(folder) / "checkout"
        _copy(layout.root, copy)
        copied = Layout(copy, layout.home)
        _render(copy, request, language)
        registrations.register(copy, request)
        _format(copy, request, ruff)
        service = next(each for each in services.load(copied.apps) if each.name == request.name)
        stage = stages.load(layout.stages, "local")
        stage_config.write(service, stage, stage_config.render_local(service, stage))
        _configure_callees(copied, request)
        list(check.release(copy))
        graph.write(Repository(copy))
        yield copy, _changes(copy, layout.root)


def _copy(root: Path, copy: Path) -> None:
    copy.mkdir()
    for part in _PARTS:
        shutil.copytree(root / part, copy / part, symlinks=True, ignore=_IGNORED)
    for path in root.iterdir():
        if path.is_file():
            shutil.copy2(path, copy / path.name)


def _render(copy: Path, request: Request, language: PublishedLanguage) -> None:
    environment = Environment(
        block_start_string="<%",
        block_end_string="%>",
        variable_start_string="<<",
        variable_end_string=">>",
        comment_start_string="<#",
        comment_end_string="#>",
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        undefined=StrictUndefined,
        loader=FileSystemLoader(_TEMPLATES),
        # the output is source code and not HTML
        autoescape=False,  # nosec B701
    )
    environment.filters["quoted"] = lambda text: f'"{text}"'
    values = context.of(request, language, _id_prefixes(copy))
    for template, target in _files(request, values["entity"]).items():
        path = copy / target
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(environment.get_template(f"{template}.j2").render(values))
    app = copy / "apps" / request.name
    # the chassis needs the same packages in every service
    shutil.copy(copy / "apps" / "orders" / "requirements.txt", app / "requirements.txt")
    (app / "vendor").mkdir()
    for lib in ("chassis", "contracts"):
        (app / "vendor" / lib).symlink_to(f"../../../libs/{lib}/src/{lib}")


def _files(request: Request, entity: str) -> dict[str, str]:
    """Return the path of each template's output."""
    name = request.name
    app, package = f"apps/{name}", f"apps/{name}/chalicelib/{name}"
    files = {
        "contract.py": f"libs/contracts/src/contracts/{name}.py",
        "app.py": f"{app}/app.py",
        "bootstrap.py": f"{package}/bootstrap.py",
        "service.py": f"{package}/service.py",
        "service.toml": f"{app}/service.toml",
        "resources.yaml": f"{app}/resources.yaml",
        "delivery.yaml": f"{app}/delivery.yaml",
        "README.md": f"{app}/README.md",
        "test_component.py": f"tests/component/test_{name}.py",
        "test_contract.py": f"tests/contract/test_{name}.py",
    }
    if request.table:
        files |= {
            "domain.py": f"{package}/domain.py",
            "store.py": f"{package}/store.py",
            "test_unit.py": f"tests/unit/{name}/test_{entity}_domain.py",
        }
    else:
        files["test_unit_without_table.py"] = f"tests/unit/{name}/test_{name}_service.py"
    if request.emits:
        files |= {
            "events.py": f"{package}/events.py",
            "emitter.py": f"tests/support/emitters/{name}.py",
        }
    return files


def _id_prefixes(copy: Path) -> set[str]:
    prefixes: set[str] = set()
    for path in (copy / "apps").glob("*/chalicelib/**/*.py"):
        for match in _ID_PREFIX.finditer(path.read_text()):
            prefixes |= set(filter(None, match.groups()))
    return prefixes


def _configure_callees(layout: Layout, request: Request) -> None:
    """Render the policies of the services that are called: they allow the new caller."""
    stage = stages.load(layout.stages, "local")
    for service in services.load(layout.apps):
        if service.name in request.callees:
            stage_config.write(service, stage, stage_config.render_local(service, stage))


def _format(copy: Path, request: Request, ruff: Path) -> None:
    """Sort the imports of the generated code, remove those that it does not use, and format it."""
    folders = (
        f"apps/{request.name}",
        "libs/contracts/src/contracts",
        "tests/component",
        "tests/contract",
        "tests/support/emitters",
        f"tests/unit/{request.name}",
    )
    paths = [folder for folder in folders if (copy / folder).is_dir()]
    fixes = ["check", "--fix", "--quiet", "--select", "F401,I001"]
    for arguments in (fixes, ["format", "--quiet"]):
        done = subprocess.run(
            [str(ruff), *arguments, *paths], cwd=copy, capture_output=True, text=True, check=False
        )
        if done.returncode:
            reason = " ".join((done.stdout + done.stderr).split())
            raise ShopProblem(
                f"The generated code cannot be formatted: {reason[:400]}",
                "This is a bug in ./shop new.",
            )


def _changes(copy: Path, root: Path) -> list[str]:
    changed = []
    for path in sorted(copy.rglob("*")):
        if "__pycache__" in path.parts or ".ruff_cache" in path.parts:
            continue
        name = path.relative_to(copy)
        original = root / name
        if path.is_symlink():
            if not original.is_symlink():
                changed.append(str(name))
        elif path.is_file() and (
            not original.is_file() or original.read_bytes() != path.read_bytes()
        ):
            changed.append(str(name))
    return changed


def _move(copy: Path, root: Path, changed: list[str]) -> None:
    """Put changed files into the checkout; undo all of it if one cannot be written."""
    before: dict[Path, bytes | None] = {}
    folders: list[Path] = []
    try:
        for name in changed:
            source, target = copy / name, root / name
            for folder in reversed(target.parents):
                if not folder.exists():
                    folder.mkdir()
                    folders.append(folder)
            before[target] = target.read_bytes() if target.is_file() else None
            if source.is_symlink():
                target.symlink_to(source.readlink())
            else:
                shutil.copy(source, target)
    except BaseException:
        for target, content in before.items():
            if content is None:
                target.unlink(missing_ok=True)
            else:
                target.write_bytes(content)
        for folder in reversed(folders):
            with contextlib.suppress(OSError):
                folder.rmdir()
        raise
