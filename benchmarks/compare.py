"""Compares the shop's functions with what a team would write instead, in the same rounds.

    .venv/bin/python benchmarks/compare.py [--rounds N] [--warm N] [--json FILE]

Each implementation in ``peers/`` is packaged twice: ``natural``, as ``pip install --target`` and a
zip make it, without byte-code and with nothing left out; and ``treated``, as the shop packages its
own functions. Every measurement is a fresh process that answers one request. It uses the canned AWS
of ``cold_start.py``. Ratios are those of single rounds.
"""

import argparse
import json
import shutil
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))

import cold_start  # noqa: E402

PEERS = ("boto3", "chalice", "fastapi", "powertools")
PACKAGED = ("natural", "treated")
STORED_TOY = {"id": "toy_1", **cold_start.TOY, "version": 1}
USE_CASES = {
    "get-toy": ("toys", ("GET", "/toys/{toy_id}", {"toy_id": "toy_1"})),
    "create-order": ("orders", ("POST", "/orders", None, cold_start.ORDER)),
}
"""The shop's service and the request, by the name of what is compared."""


def package(name: str, kind: str, directory: Path) -> int:
    """Package a peer; return the size of its zip in bytes."""
    from shopctl.packaging import dependencies, pruning
    from shopctl.project.layout import Layout

    layout = Layout.find()
    peer = HERE / "peers" / name
    tree = dependencies.install(
        peer / "requirements.txt",
        layout.dependencies,
        lock=layout.root / "requirements/bench.txt",
        for_lambda=False,
    )
    files = [(str(path.relative_to(tree)), path) for path in tree.rglob("*") if path.is_file()]
    if kind == "treated":
        files = list(pruning.shipped(files, frozenset({"dynamodb"})))
    else:
        files = [(file, path) for file, path in files if not file.endswith(".pyc")]
    for file, path in files:
        target = directory / file
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, target)
    shutil.copyfile(peer / "app.py", directory / "app.py")
    archive = shutil.make_archive(str(directory), "zip", directory)
    return Path(archive).stat().st_size


def released() -> dict[str, int]:
    """Return the size of each service's package for AWS in bytes, zipped."""
    from shopctl.packaging.package import build
    from shopctl.project import services
    from shopctl.project.layout import Layout

    layout = Layout.find()
    return {
        service.name: build(service, "local", layout, for_lambda=True).archive.stat().st_size
        for service in services.load(layout.apps, ())
    }


def measure(rounds: int, warm: int) -> dict[str, Any]:
    """Measure the shop's functions and all peers in interleaved rounds."""
    with tempfile.TemporaryDirectory() as name, tempfile.TemporaryDirectory() as state:
        folder = Path(name)
        zips = cold_start.build(folder / "zips")
        with cold_start.servers(Path(state)) as (port, gateway):
            shop = cold_start.Functions(zips, folder / "shop", port, gateway)
            calls = cold_start.prepare(shop, port)
            ours = {"get-toy": "toys GET /toys/{id}", "create-order": "orders POST /orders"}
            environ = {
                "AWS_ENDPOINT_URL": f"http://127.0.0.1:{port}",
                "AWS_DEFAULT_REGION": "us-east-1",
                "AWS_ACCESS_KEY_ID": "000000000000",
                "AWS_SECRET_ACCESS_KEY": "local",
                "TABLE": "peers",
            }
            sizes = {
                case: (zips / f"{service}.zip").stat().st_size
                for case, (service, _) in USE_CASES.items()
            }
            for peer in PEERS:
                for kind in PACKAGED:
                    sizes[f"{peer} {kind}"] = package(peer, kind, folder / f"{peer}-{kind}")
            _store_toy(folder / "boto3-treated", environ)
            samples: dict[str, list[dict[str, Any]]] = {case: [] for case in USE_CASES}
            for number in range(rounds + 1):
                for case, (_, request) in USE_CASES.items():
                    service, handler, event = calls[ours[case]]
                    entry = {"shop": shop.run(service, handler, event, warm=warm)}
                    event = cold_start.request(*request)
                    for peer in PEERS:
                        for kind in PACKAGED:
                            # byte-code makes no difference to a warm function
                            again = warm if kind == "treated" else 0
                            entry[f"{peer} {kind}"] = cold_start.run_process(
                                folder / f"{peer}-{kind}", "lambda_handler", [event], environ, again
                            )
                    for name, result in entry.items():
                        if result["answers"][0]["statusCode"] not in (200, 201):
                            raise RuntimeError(f"{name}: {result['answers']}")
                    # the first round fills the caches of the file system
                    if number:
                        samples[case].append(entry)
        return {
            "packages": released(),
            "sizes": sizes,
            "cases": {case: summary(entries) for case, entries in samples.items()},
        }


def _store_toy(package: Path, environ: dict[str, str]) -> None:
    """Store the toy that the peers read."""
    code = (
        "import sys, json; sys.path.insert(0, sys.argv[1]); import boto3\n"
        "boto3.resource('dynamodb').Table('peers').put_item(Item=json.loads(sys.argv[2]))\n"
    )
    subprocess.run(
        [sys.executable, "-EBc", code, str(package), json.dumps(STORED_TOY)],
        env={"PATH": "/usr/bin:/bin", **environ},
        check=True,
    )


def summary(entries: list[dict[str, Any]]) -> dict[str, Any]:
    """Return medians in milliseconds, and the quartiles of the shop's ratio in single rounds."""
    result: dict[str, Any] = {}
    for what in ("wall", "cpu", "warm"):
        result[what] = {}
        for name in entries[0]:
            if entries[0][name][what] is None:
                continue
            values = [one[name][what] for one in entries]
            ratios = [one["shop"][what] / one[name][what] for one in entries]
            result[what][name] = {
                "ms": round(statistics.median(values) * 1000, 2),
                "quartiles": [round(value * 1000, 2) for value in quartiles(values)],
                "shop": [round(value, 2) for value in quartiles(ratios)],
            }
    return result


def quartiles(values: list[float]) -> list[float]:
    """Return the three quartiles of values."""
    if len(values) == 1:
        return values * 3
    return statistics.quantiles(values, n=4, method="inclusive")


def main() -> None:
    """Measure, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--warm", type=int, default=200, help="warm calls in each round")
    parser.add_argument("--json", type=Path, help="file to write the figures to")
    options = parser.parse_args()
    result = measure(options.rounds, options.warm)
    for case, kinds in result["cases"].items():
        for what, figures in kinds.items():
            for name, figure in figures.items():
                print(f"{case:13} {what:5} {name:20} {figure['ms']:9.2f} ms  {figure['shop']}")
    if options.json:
        options.json.write_text(json.dumps(result, indent=2) + "\n")


if __name__ == "__main__":
    main()
