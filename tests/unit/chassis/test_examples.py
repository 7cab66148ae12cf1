"""The examples in docstrings of the chassis run as they are shown."""

import doctest
import importlib
import pkgutil

import chassis


def test_examples_in_docstrings_are_true() -> None:
    names = [module.name for module in pkgutil.iter_modules(chassis.__path__)]
    results = [doctest.testmod(importlib.import_module(f"chassis.{name}")) for name in names]
    assert sum(result.attempted for result in results) >= 10
    assert [result.failed for result in results] == [0] * len(names)
