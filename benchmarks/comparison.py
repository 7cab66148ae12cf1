"""The part of the report that compares the shop with what a team would write instead."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

KINDS = {
    "cpu": "Cold start, processor time",
    "wall": "Cold start, wall time",
    "warm": "Warm request, processor time",
}
CASES = {"get-toy": "GET /toys/{id}", "create-order": "POST /orders"}
PEERS = ("boto3", "chalice", "fastapi", "powertools")


def details(functions: Any, peers: Any, rounds: int, baseline: str = "") -> Iterator[str]:
    """Yield the lines of the report's tables of cold starts and warm requests.

    Parameters
    ----------
    baseline
        Commit whose packages were measured in the same rounds; empty if none was.
    """
    yield (
        "Cold start: from the start of a fresh process with the packaged code to its first answer, "
        f"against a canned AWS on the loopback interface. Times are medians of {rounds} "
        "interleaved rounds; ratios are medians of the ratios of single rounds, with the quartiles "
        "in brackets. Peers marked natural are packaged as pip installs them, and those marked "
        "treated as the shop packages its functions."
    )
    for case, title in CASES.items():
        for what, kind in KINDS.items():
            yield from ("", f"## {kind}: `{title}`", "")
            yield from (
                "| | ms | quartiles | shop's time divided by this | zipped |",
                "|---|---|---|---|---|",
            )
            for name, figure in peers["cases"][case][what].items():
                low, high = figure["quartiles"][0], figure["quartiles"][2]
                ratio = _ratio(figure["shop"]) if name != "shop" else ""
                size = peers["sizes"][case if name == "shop" else name] / 1_000_000
                yield f"| {name} | {figure['ms']} | {low} to {high} | {ratio} | {size:.1f} MB |"
        yield from ("", f"![{title}]({case}.svg)")
    yield from ("", "## Every function", "")
    before = f", and by that of the same function at commit {baseline}" if baseline else ""
    yield (
        "Processor time of a cold start and of a warm request, also divided by that of a bare "
        f"boto3 handler packaged like the shop's functions{before}. All run in the same rounds; "
        "the quartiles are in brackets."
    )
    columns = ["function", "wall, ms", "cold, ms", "divided by boto3"]
    columns += [f"divided by {baseline}"] if baseline else []
    columns += ["warm, ms", "divided by boto3"]
    yield from ("", f"| {' | '.join(columns)} |", f"|{'---|' * len(columns)}")
    for name, figures in functions.items():
        cold, warm = figures["cpu"], figures.get("warm")
        cells = [name, figures["wall"]["now"], cold["now"], _ratio(cold["/bare"])]
        # some functions did not exist at that commit
        cells += [_ratio(cold["/baseline"]) if "/baseline" in cold else ""] if baseline else []
        cells += [warm["now"], _ratio(warm["/bare"])] if warm else ["", ""]
        yield f"| {' | '.join(str(cell) for cell in cells)} |"
    yield ""


def plot(peers: Any, folder: Path) -> None:
    """Write a plot for each case: medians with their quartiles."""
    import matplotlib as mpl

    mpl.use("svg")
    # the same figures give the same file
    mpl.rcParams.update({"svg.fonttype": "none", "svg.hashsalt": "toyshop"})
    from matplotlib import pyplot

    for case, title in CASES.items():
        figure, axes = pyplot.subplots(1, len(KINDS), figsize=(13, 3.2), layout="constrained")
        for axis, (what, kind) in zip(axes, KINDS.items(), strict=True):
            rows = list(peers["cases"][case][what].items())[::-1]
            values = [one["ms"] for _, one in rows]
            spread = [
                [max(0, one["ms"] - one["quartiles"][0]) for _, one in rows],
                [max(0, one["quartiles"][2] - one["ms"]) for _, one in rows],
            ]
            colors = ["#c2410c" if name == "shop" else "#64748b" for name, _ in rows]
            axis.barh([name for name, _ in rows], values, xerr=spread, color=colors)
            axis.set_title(f"{kind}, ms", fontsize=10)
        figure.suptitle(title)
        figure.savefig(folder / f"{case}.svg", metadata={"Date": None})
        pyplot.close(figure)


def _ratio(quartiles: list[float]) -> str:
    low, middle, high = quartiles
    return f"{middle:.2f} ({low:.2f} to {high:.2f})"
