"""Runs `chalice package` for one app, in a process of its own.

Each app needs its own process, because Chalice imports `app` and would reuse the first one for a
second app. Chalice does not install the dependencies: it takes seconds per app and silently omits
packages that it cannot install. `dependencies.py` installs them once for all apps.
"""

import sys
from pathlib import Path


def main(project: str, dependencies: str, *stages: str) -> int:
    """Write ``sam.yaml`` and ``deployment.zip`` (without dependencies) of stages.

    The app is imported once for all stages, whose templates differ only in the configuration.

    Parameters
    ----------
    project
        Directory of the app.
    dependencies
        Directory with the installed dependencies.
    stages
        ``<name>=<directory to write to>`` for each stage.

    Returns
    -------
    int
        Exit status of the process.
    """
    # after the tools' own packages, which Chalice needs
    sys.path.append(dependencies)
    # only now: they import modules that the dependencies may contain too
    from chalice import cli
    from chalice.cli.factory import CLIFactory
    from chalice.deploy.packager import DependencyBuilder
    from chalice.deploy.validate import validate_configuration

    # the modules above may keep their byte code, but none may be written into the app's package
    sys.dont_write_bytecode = True
    setattr(DependencyBuilder, "build_site_packages", lambda *_: None)  # noqa: B010 - a method
    arguments = ["--project-dir", project]
    merged = ["--merge-template", str(Path(project) / "delivery.yaml")]
    for stage, _, output in (item.partition("=") for item in stages):
        # `chalice deploy` checks this, `chalice package` does not
        validate_configuration(
            CLIFactory(project, environ={}).create_config_obj(chalice_stage_name=stage)
        )
        sys.argv = ["chalice", *arguments, "package", "--stage", stage, *merged]
        sys.argv += ["--template-format", "yaml", output]
        try:
            status: object = cli.main()
        except SystemExit as ended:
            # click ends the process even after a success
            status = ended.code
        if status:
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
