"""Runs of collected tests in forked processes, in each of which one module may be a mutant."""

import ast
import builtins
import gc
import importlib.machinery
import importlib.util
import multiprocessing
import multiprocessing.connection
import os
import sys
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib.abc import MetaPathFinder
from pathlib import Path
from types import CodeType, FunctionType
from typing import Any, TypeVar

import pytest

from support.mutation.operators import Mutant, first_line_of, functions_of
from support.paths import ROOT

Function = tuple[str, int]
"""A function of a module with mutants: its file, and the first line of its code object."""

LIMIT = 300
"""Seconds after which a process is ended, if no test has noticed that it hangs."""
OPTIONS = (
    *("-q", "-x", "--tb=no", "--timeout=30"),
    *("-p", "no:cacheprovider", "-p", "no:xdist"),
    # the processes have imported what the tests import, the package of a plugin among it
    *("-W", "ignore:Module already imported:pytest.PytestAssertRewriteWarning"),
)
"""Options of pytest."""
RECORD = "_record_call_for_mutants"
"""The name of the builtin that records calls."""
Task = TypeVar("Task")
Result = TypeVar("Result")


@dataclass(frozen=True)
class Covered:
    """What a test calls, and how long it takes.

    Attributes
    ----------
    functions
        The functions of modules with mutants that the test called.
    seconds
        The duration of the test with its fixtures, while calls were recorded.
    """

    functions: frozenset[Function]
    seconds: float


@dataclass(eq=False)
class FirstFailure:
    """A pytest plugin that keeps the id of the first test that failed, and runs those chosen.

    Attributes
    ----------
    chosen
        The ids of the tests to run, in their order; all tests if it is empty.
    test
        The id of the test that failed; empty if none did.
    """

    chosen: Sequence[str] = ()
    test: str = ""

    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        """Sort out the tests that are not chosen."""
        if self.chosen:
            found = {item.nodeid: item for item in items}
            items[:] = [found[test] for test in self.chosen if test in found]

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Keep the test's id if it failed."""
        if report.failed:
            self.test = self.test or report.nodeid

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        """Keep the file's name if it could not be imported."""
        if report.failed:
            self.test = self.test or f"import of {report.nodeid}"


def collected(tests: Sequence[str], use: Callable[[list[pytest.Item]], None]) -> None:
    """Collect tests, and call a function with them instead of running them.

    Raises
    ------
    RuntimeError
        If a file cannot be imported.
    """

    class Plugin:
        def pytest_runtestloop(self, session: pytest.Session) -> bool:
            # nobody wants to read about each test
            session.config.pluginmanager.unregister(name="terminalreporter")
            use(session.items)
            return True

    if status := pytest.main([*OPTIONS, *tests], plugins=[Plugin()]):
        raise RuntimeError(f"pytest ended with {status}")


def run_items(items: Sequence[pytest.Item]) -> str:
    """Run collected tests until one fails, and return its id, or an empty string."""
    failure = FirstFailure()
    items[0].config.pluginmanager.register(failure)
    for item, following in zip(items, [*items[1:], None], strict=True):
        item.config.hook.pytest_runtest_protocol(item=item, nextitem=following)
        if failure.test:
            break
    return failure.test


def calls_of(items: Sequence[pytest.Item], recorder: "CallRecorder") -> dict[str, Covered]:
    """Run collected tests, and return for each what it calls.

    Raises
    ------
    RuntimeError
        If a test fails.
    """
    covered = {}
    for item, following in zip(items, [*items[1:], None], strict=True):
        recorder.called.clear()
        begin = time.monotonic()
        item.config.hook.pytest_runtest_protocol(item=item, nextitem=following)
        if item.session.testsfailed:
            raise RuntimeError(f"{item.nodeid} fails without any mutant")
        covered[item.nodeid] = Covered(frozenset(recorder.called), time.monotonic() - begin)
    return covered


def recording(file: Path) -> CodeType:
    """Compile a module whose functions call a builtin with their name and line when they start."""
    tree = ast.parse(file.read_text())
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef):
            function: Function = (str(file), first_line_of(node))
            call = ast.Call(ast.Name(RECORD, ast.Load()), [ast.Constant(function)], [])
            statement = ast.copy_location(ast.Expr(call), node.body[0])
            node.body.insert(int(ast.get_docstring(node) is not None), statement)
    return compile(ast.fix_missing_locations(tree), file, "exec")


def preload() -> None:
    """Import what tests need and no mutant changes, so that forked processes have it."""
    import stripe  # noqa: F401


def plant(mutant: Mutant) -> None:
    """Replace the function in which a mutant's fault lies, wherever this process has it."""
    path = str(ROOT / mutant.path)
    sys.meta_path.insert(0, _CodeFinder({mutant.path: mutant.code}))
    changed = {each.co_firstlineno: each for each in functions_of(mutant.code)}[mutant.first_line]
    for each in gc.get_objects():
        if isinstance(each, FunctionType):
            code = each.__code__
            if (code.co_filename, code.co_firstlineno) == (path, mutant.first_line):
                each.__code__ = changed


def run_anew(mutant: Mutant, tests: Sequence[str], options: Sequence[str] = ()) -> str:
    """Collect tests with a mutant in place of its module, and run them until one fails.

    Parameters
    ----------
    tests
        The ids of the tests, in the order in which they run.
    options
        Further options of pytest.

    Returns
    -------
    str
        The id of the test that failed; empty if all passed.
    """
    sys.meta_path.insert(0, _CodeFinder({mutant.path: mutant.code}))
    failure = FirstFailure(tests)
    files = dict.fromkeys(test.partition("::")[0] for test in tests)
    status = pytest.main([*OPTIONS, *options, *files], plugins=[failure])
    return failure.test or ("" if status == 0 else f"pytest ended with {status}")


class _CodeFinder(MetaPathFinder):
    """Imports modules from other code than that of their files.

    Parameters
    ----------
    code
        The code by the path of the module, relative to the root.
    """

    def __init__(self, code: Mapping[str, CodeType]) -> None:
        self._code = {_module_name(path): (str(ROOT / path), each) for path, each in code.items()}

    def find_spec(
        self, name: str, _path: object = None, _target: object = None
    ) -> importlib.machinery.ModuleSpec | None:
        if name not in self._code:
            return None
        path, code = self._code[name]
        loader = _CodeLoader(name, path)
        loader.code = code
        return importlib.util.spec_from_file_location(name, path, loader=loader)


class _CodeLoader(importlib.machinery.SourceFileLoader):
    code: CodeType

    def get_code(self, _name: str) -> CodeType:
        return self.code


def _module_name(path: str) -> str:
    parts = Path(path).with_suffix("").parts
    first = parts.index("chalicelib") if "chalicelib" in parts else parts.index("src") + 1
    return ".".join(parts[first:])


class CallRecorder:
    """Records which functions of modules are called.

    A statement at the start of each function does it, which is much faster than tracing every call
    of a test.

    Parameters
    ----------
    paths
        The files of the modules, relative to the root. They must not be imported yet.

    Attributes
    ----------
    called
        The functions that were called.
    """

    def __init__(self, paths: Iterable[str]) -> None:
        self.called: set[Function] = set()
        setattr(builtins, RECORD, self.called.add)
        code = {path: recording(ROOT / path) for path in paths}
        sys.meta_path.insert(0, _CodeFinder(code))


def in_children(
    run: Callable[[Task], Result], tasks: deque[Task], workers: int
) -> Iterator[tuple[Task, Result | None]]:
    """Run each task in a forked process, and yield the results as they come.

    Tasks may be added in the meantime. A result is ``None`` if the process has reached the limit.

    Raises
    ------
    RuntimeError
        If a process ends without a result.
    """
    fork = multiprocessing.get_context("fork")
    running: dict[Any, tuple[Any, Task, float]] = {}
    while tasks or running:
        while tasks and len(running) < workers:
            task = tasks.popleft()
            receiver, sender = fork.Pipe(duplex=False)
            process = fork.Process(target=_send_result, args=(sender, run, task))
            process.start()
            sender.close()
            running[receiver] = process, task, time.monotonic() + LIMIT
        ready = multiprocessing.connection.wait(list(running), timeout=1)
        for receiver, (process, task, deadline) in list(running.items()):
            result = None
            if receiver in ready:
                result = _result(receiver, task)
            elif time.monotonic() < deadline:
                continue
            process.kill()
            process.join()
            receiver.close()
            del running[receiver]
            yield task, result


def _result(receiver: multiprocessing.connection.Connection, task: object) -> Any:
    try:
        result = receiver.recv()
    except EOFError:
        raise RuntimeError(f"{task}: the process has ended without a result") from None
    if isinstance(result, Exception):
        raise RuntimeError(f"{task}: {result!r}") from None
    return result


def _send_result(
    sender: multiprocessing.connection.Connection, run: Callable[[Task], Any], task: Task
) -> None:
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)
    os.dup2(nowhere, 2)
    try:
        result = run(task)
    except Exception as error:
        result = error
    sender.send(result)
    # no cleanup, which a mutant could block
    os._exit(0)
