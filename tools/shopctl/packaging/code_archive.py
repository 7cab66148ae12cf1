"""Puts an app and its dependencies together into the zip that Lambda runs."""

import shutil
import zipfile
from pathlib import Path

from shopctl.packaging import archive, dependencies, pruning
from shopctl.project.errors import ShopProblem
from shopctl.project.services import Service


def assemble(
    service: Service, project: Path, package_file: Path, tree: Path, *, for_lambda: bool
) -> None:
    """Replace Chalice's zip by one with the dependencies and byte-code.

    Parameters
    ----------
    project
        Copy of the app that Chalice packaged.
    package_file
        Chalice's zip, without dependencies.
    tree
        Directory with the installed dependencies.
    for_lambda
        Compress well and make the same bytes every time.

    Raises
    ------
    ShopProblem
        If a file is missing, which Chalice does not report.
    """
    code = package_file.parent / "code"
    with zipfile.ZipFile(package_file) as app_only:
        app_only.extractall(code)
    dependencies.compile_tree(code, reproducible=for_lambda)
    expected = ["app.py", "chalice/app.py"]
    expected += [f"chalicelib/{path.name}" for path in (project / "chalicelib").glob("*/")]
    expected += [path.name for path in (project / "vendor").glob("*/")]
    missing = [name for name in expected if not (code / name).exists()]
    if missing:
        raise ShopProblem(
            f"The package of {service.name} lacks {', '.join(missing)}.",
            f"Check the targets of the links in {service.directory}/vendor.",
        )
    shipped = pruning.shipped(archive.tree(tree), frozenset(service.manifest.aws))
    level = 9 if for_lambda else 1
    archive.write(package_file, [*shipped, *archive.tree(code)], level=level)
    shutil.rmtree(code)
