"""The templates of the stages on AWS, rendered once for all tests of this folder."""

import pytest

from support.rendered_stage import Templates


@pytest.fixture(scope="session")
def staging(tmp_path_factory: pytest.TempPathFactory) -> Templates:
    return Templates.make("staging", tmp_path_factory.mktemp("staging"))


@pytest.fixture(scope="session")
def prod(tmp_path_factory: pytest.TempPathFactory) -> Templates:
    return Templates.make("prod", tmp_path_factory.mktemp("prod"))
