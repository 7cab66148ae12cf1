"""One embedded AWS for all stages of this folder's tests."""

import shutil
from collections.abc import Iterator

import pytest

from support.deploy.trial import Trial


@pytest.fixture(scope="session")
def trial(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Trial]:
    trial = Trial(tmp_path_factory.mktemp("trial"))
    try:
        trial.start()
        yield trial
    finally:
        trial.stop()
        shutil.rmtree(trial.home, ignore_errors=True)
