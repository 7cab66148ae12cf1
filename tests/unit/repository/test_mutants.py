"""The mutants that `./shop test -e mutants` plants."""

import builtins
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest

from support.mutation.operators import Mutant, mutants_of
from support.mutation.runs import RECORD, recording

MODULE = "libs/chassis/src/chassis/example.py"


def mutants(root: Path, source: str) -> dict[str, Mutant]:
    """Return the mutants of a module by what they change."""
    path = root / MODULE
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(dedent(source))
    return {mutant.change: mutant for mutant in mutants_of(root, MODULE)}


@pytest.mark.parametrize(
    ("statement", "changes"),
    [
        ("return a < b", ["`a < b` → `a <= b`", "`a < b` → `a >= b`"]),
        ("return a == b", ["`a == b` → `a != b`"]),
        ("return a in b", ["`a in b` → `a not in b`"]),
        ("return a is None", ["`a is None` → `a is not None`"]),
        (
            "return a and b",
            [
                "`a and b` → `a or b`",
                "`a and b` → `b`",
                "`a and b` → `a`",
                "`return a and b` → `return None`",
            ],
        ),
        ("return not a", ["`not a` → `a`"]),
        ("return a + b", ["`a + b` → `a - b`", "`return a + b` → `return None`"]),
        ("return 1", ["`1` → `2`"]),
        ("return True", ["`True` → `False`"]),
        ("return 'paid'", ["`'paid'` → `'paidX'`"]),
        ("return 'a sentence for people'", []),
        ("a()", ["`a()` → `pass`"]),
        ("a.b = b()", ["`a.b = b()` → `pass`"]),
        ("a += b", ["`a += b` → `pass`"]),
        ("raise a", ["`raise a` → `pass`"]),
        ("a(b, key=b.c)", ["`key=b.c` → `(removed)`", "`a(b, key=b.c)` → `pass`"]),
        ("assert a is not None", []),
    ],
)
def test_each_kind_of_fault_is_planted(tmp_path: Path, statement: str, changes: list[str]) -> None:
    found = mutants(tmp_path, f'def f(a, b):\n    """Do it."""\n    {statement}\n')
    assert sorted(found) == sorted(changes)
    assert {mutant.function for mutant in found.values()} <= {"f"}


def test_fault_of_a_handler_and_of_a_loop_is_planted(tmp_path: Path) -> None:
    found = mutants(
        tmp_path,
        """
        def f(a, b):
            for each in a:
                try:
                    if each():
                        continue
                except (KeyError, ValueError):
                    pass
            return [each for each in a if each]
        """,
    )
    assert "`except (KeyError, ValueError): pass` → `except (KeyError, ValueError): raise`" in found
    assert "`except (KeyError, ValueError): pass` → `except (KeyError,): pass`" in found
    assert "`continue` → `break`" in found
    assert "` for each in a if each` → ` for each in a`" in found
    assert "`if each(): continue` → `if not each(): continue`" in found


def test_mutant_is_the_module_with_one_fault(tmp_path: Path) -> None:
    found = mutants(tmp_path, "def f(a):\n    return a + 1 if a < 9 else 0\n")
    results = {}
    for change, mutant in found.items():
        module: dict[str, object] = {}
        exec(mutant.code, module)  # noqa: S102 - this is what an import does
        results[change] = [module["f"](a) for a in (8, 9)]  # type: ignore[operator]
    assert results["`a < 9` → `a <= 9`"] == [9, 10]
    assert results["`1` → `2`"] == [10, 0]
    assert results["`0` → `1`"] == [9, 1]
    # no mutant returns what the code returns
    assert [9, 0] not in results.values()


@pytest.mark.parametrize(
    ("source", "in_function"),
    [
        ("def f(a):\n    return a > 1\n", True),
        ("class A:\n    def f(self):\n        return 1\n", True),
        ("def f(a=1):\n    return a\n", False),
        ("A = 1\n", False),
        ("class A:\n    b = 1\n", False),
        # the function changes its closure, so the module must be imported anew
        ("class A(B):\n    def f(self):\n        super().f()\n", False),
    ],
)
def test_fault_that_takes_effect_at_import_is_recognized(
    tmp_path: Path, source: str, in_function: bool
) -> None:
    for mutant in mutants(tmp_path, source).values():
        if not mutant.change.endswith("`return None`"):
            assert (mutant.first_line is not None) == in_function


def test_calls_are_recorded_by_the_first_line_that_mutants_have(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # GIVEN a module whose calls are recorded
    found = mutants(
        tmp_path,
        """
        from functools import cache

        @cache
        def f(a):
            return a > 1

        class A:
            def g(self):
                "Do it."
                return f(3)

            def h(self):
                return 1
        """,
    )
    file = tmp_path / MODULE
    called: set[tuple[str, int]] = set()
    monkeypatch.setattr(builtins, RECORD, called.add, raising=False)
    module: dict[str, Any] = {}
    exec(recording(file), module)  # noqa: S102 - this is what an import does
    # WHEN it is imported, nothing is recorded
    assert called == set()
    # WHEN a method is called that calls a function, THEN both are recorded
    assert module["A"]().g()
    assert module["A"].g.__doc__ == "Do it."
    codes = {"A.g": module["A"].g.__code__, "f": module["f"].__wrapped__.__code__}
    assert called == {(str(file), code.co_firstlineno) for code in codes.values()}
    # AND by the line that mutants of these functions have
    lines = {mutant.function: mutant.first_line for mutant in found.values()}
    assert {name: lines[name] for name in codes} == {
        name: code.co_firstlineno for name, code in codes.items()
    }


def test_sample_depends_on_the_seed_only(tmp_path: Path) -> None:
    first = mutants(tmp_path, "def f(a):\n    return a > 1\n").values()
    # the same function further down in the file
    second = mutants(tmp_path, "B = ()\n\n\ndef f(a):\n    return a > 1\n").values()
    assert [each.rank(1) for each in first] == [each.rank(1) for each in second]
    assert [each.rank(1) for each in first] != [each.rank(2) for each in first]
