"""The results, for people."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from support.mutation.operators import Mutant


@dataclass(frozen=True)
class Found:
    """What became of a mutant.

    Attributes
    ----------
    tier
        ``nearest`` or ``world``; empty if it survives.
    by
        The first test that failed; empty if none did.
    """

    mutant: Mutant
    tier: str
    by: str


def score(found: Sequence[Found]) -> float:
    """Return the share of mutants that a test found."""
    return sum(bool(each.by) for each in found) / len(found) if found else 1.0


def summary(chosen: Sequence[Mutant], found: Sequence[Found], equivalent: Mapping[str, str]) -> str:
    """Return the result in one sentence."""
    tiers = Counter(each.tier for each in found)
    return (
        f"Of {len(chosen)} mutants, {sum(each.name in equivalent for each in chosen)} are"
        f" equivalent; of the other {len(found)}, the nearest tests find {tiers['nearest']}, the"
        f" simulated world {tiers['world']} more, and {tiers['']} survive: {score(found):.1%} are"
        " found."
    )


def as_document(
    chosen: Sequence[Mutant],
    found: Sequence[Found],
    equivalent: Mapping[str, str],
    survivors: Mapping[str, str],
    total: int,
) -> str:
    """Return the report in Markdown.

    Parameters
    ----------
    equivalent, survivors
        The reason for each mutant that is known to be equivalent or to survive.
    total
        The number of all mutants, of which some were chosen.
    """
    return "\n".join(_lines(chosen, found, equivalent, survivors, total)) + "\n"


def _lines(
    chosen: Sequence[Mutant],
    found: Sequence[Found],
    equivalent: Mapping[str, str],
    survivors: Mapping[str, str],
    total: int,
) -> Iterator[str]:
    yield "# Mutants"
    yield ""
    yield (
        "A mutant is a copy of the code with one small fault: another comparison, a condition"
        " without one of its parts, a statement or an argument left out, another constant. Those"
        " of the modules that carry the promise of [exactly one charge](exactly-once.md) are"
        " planted one at a time. On each, the tests that call the faulty function run, those that"
        " call least else first, then seeded runs of the simulated world, until one fails. A mutant"
        " that none finds survives: a test is missing, or the mutant is equivalent."
    )
    yield ""
    yield "```sh"
    yield "./shop test -e mutants                             # a sample, the same every time"
    yield "./shop test -e mutants -- --all --write            # all of them, and this report"
    yield "./shop test -e mutants -- --only charging.py       # those with this in their names"
    yield "```"
    yield ""
    yield (
        "The command fails if fewer than 97 % of those that are not equivalent are found, or if a"
        " mutant that is called equivalent does not exist any more. It is written for this"
        " repository (`tests/support/mutation/`), because cosmic-ray and mutmut start a process for"
        " each mutant or know one tier of tests only; here a process that has collected all tests"
        " is forked."
    )
    yield ""
    yield "## Result"
    yield ""
    whole = len(chosen) == total
    yield "All mutants." if whole else f"{len(chosen)} of {total} mutants."
    yield summary(chosen, found, equivalent)
    yield ""
    yield "| module | mutants | equivalent | nearest tests | simulated world | survive |"
    yield "|---|---|---|---|---|---|"
    for path in sorted({each.path for each in chosen}):
        tiers = Counter(each.tier for each in found if each.mutant.path == path)
        of_module = [each for each in chosen if each.path == path]
        same = sum(each.name in equivalent for each in of_module)
        yield (
            f"| `{path}` | {len(of_module)} | {same} | {tiers['nearest']} | {tiers['world']}"
            f" | {tiers['']} |"
        )
    yield ""
    yield "## Survivors"
    yield ""
    names = sorted(each.mutant.name for each in found if not each.by)
    yield from (f"- {name}. {survivors.get(name, 'A test is missing.')}" for name in names)
    yield "" if names else "None."
    yield "## Equivalent mutants"
    yield ""
    for reason in dict.fromkeys(equivalent.values()):
        yield f"- {reason}"
        yield from (f"  - {name}" for name, why in equivalent.items() if why == reason)
