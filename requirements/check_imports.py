"""Compares what the code imports with what the requirements declare, using deptry.

Each part of the repository is compared with the requirements of the environment that it runs in, so
that a package is reported if it is installed only because another one needs it.
"""

import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).parents[1]
# packages that `./shop check` imports, in the environment `check`
CHECKING = [
    f"tools/shopctl/{name}"
    for name in ("aws", "checking", "contracts", "deploying", "packaging", "project")
]
# modules of them that it does not import
NOT_CHECKING = ".*/packaging/dependencies.py|.*/project/running_shop.py"
# code of other environments, and a script for maintainers, who install Pillow themselves
NOT_TOOLS = "tools/embedded_aws/|tools/shopctl/checking/|.*/compose_pictures.py"
TESTS = ["test.in", "browser.in", "schemathesis.in", "templates.in", "bench.in"]


def main() -> int:
    """Run all comparisons and return the exit status."""
    runs = [
        _tools(["tools/embedded_aws"], "aws.in", ""),
        _tools(["tools"], "tools.in", NOT_TOOLS),
        _tools(CHECKING, "check.in", NOT_CHECKING),
        _tests(),
        *(_app(path) for path in sorted(ROOT.glob("apps/*/requirements.txt"))),
        *(
            _library(path)
            for folder in ("clients", "libs")
            for path in sorted(ROOT.glob(f"{folder}/*/pyproject.toml"))
        ),
        _unused(),
    ]
    return max(runs)


def _tools(code: list[str], requirements: str, excluded: str) -> int:
    """Report imports that are not declared for the tools themselves, even if an app ships them.

    Parameters
    ----------
    code
        Directories to check.
    requirements
        File in `requirements/` that declares packages for them.
    excluded
        Pattern of paths to leave out; empty for none.
    """
    lines = (ROOT / "requirements" / requirements).read_text(encoding="utf-8").splitlines()
    exclude = ["--extend-exclude", excluded] if excluded else []
    with tempfile.NamedTemporaryFile("w", suffix=".txt", encoding="utf-8") as own:
        own.write("\n".join(line for line in lines if not line.startswith("-r ")))
        own.flush()
        return _deptry(*code, "--requirements-files", own.name, "--ignore", "DEP002", *exclude)


def _tests() -> int:
    """Report imports of tests and benchmarks that their environments do not declare."""
    files = ",".join(f"requirements/{name}" for name in TESTS)
    return _deptry("tests", "benchmarks", "--requirements-files", files, "--ignore", "DEP002")


def _app(requirements: Path) -> int:
    """Report imports that an app does not ship; Chalice's runtime is added by `chalice package`."""
    return _deptry(
        str(requirements.parent.relative_to(ROOT)),
        "--requirements-files",
        str(requirements.relative_to(ROOT)),
        "--ignore",
        "DEP002",
        "--per-rule-ignores",
        "DEP001=chalice",
    )


def _library(project: Path) -> int:
    """Report imports that a library does not declare, and what it declares without a use."""
    return _deptry(f"{project.parent.relative_to(ROOT)}/src", config=project)


def _unused() -> int:
    """Report declared packages that nothing imports; `deptry.toml` lists the exceptions."""
    files = ",".join(str(path.relative_to(ROOT)) for path in sorted(ROOT.glob("requirements/*.in")))
    code = ["apps", "clients", "libs", "tools", "tests", "benchmarks"]
    return _deptry(*code, "--requirements-files", files, "--ignore", "DEP001,DEP003")


def _deptry(*arguments: str, config: Path = ROOT / "deptry.toml") -> int:
    command = [sys.executable, "-m", "deptry", "--no-ansi", "--config", str(config), *arguments]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode:
        # the packages are not installed here, which deptry reports for each
        lines = (done.stdout + done.stderr).splitlines()
        print(*(line for line in lines if ": DEP" in line or "rror" in line), sep="\n")
    return done.returncode


if __name__ == "__main__":
    sys.exit(main())
