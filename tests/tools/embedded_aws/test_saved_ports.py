"""Moving a saved state to other ports."""

import pytest

from embedded_aws.saved_ports import Moved

PORTS = {"aws": 4566, "gateway": 12111, "edge": 8000}


@pytest.mark.parametrize(
    "saved",
    [
        # a key of the queues
        """{"000000000000 us-east-1 'http://127.0.0.1:4566/000000000000/retries'": {}}""",
        # a function's environment
        '{"Environment": {"AWS_ENDPOINT_URL": "http://127.0.0.1:4566"}}',
        # a template in a text
        '{"template": "{\\\\"JWKS_URL\\\\": \\\\"http://127.0.0.1:4566/pool/jwks.json\\\\"}"}',
    ],
)
def test_every_saved_url_gets_the_present_port(saved: str) -> None:
    assert Moved(PORTS, PORTS)("lambda.json", saved) == saved
    moved = Moved(PORTS, PORTS | {"aws": 4567})("lambda.json", saved)
    assert moved == saved.replace(":4566", ":4567")


def test_processes_may_swap_their_ports() -> None:
    moved = Moved(PORTS, {"aws": 12111, "gateway": 4566, "edge": 8001})
    saved = '["http://127.0.0.1:4566/a", "http://127.0.0.1:12111", "http://127.0.0.1:8000"]'
    assert moved("lambda.json", saved) == (
        '["http://127.0.0.1:12111/a", "http://127.0.0.1:4566", "http://127.0.0.1:8001"]'
    )


@pytest.mark.parametrize(
    ("name", "saved"),
    [
        ("dynamodb.json", '["http://127.0.0.1:4566/typed-by-a-customer"]'),
        ("pending.json", '["http://127.0.0.1:4566/typed-by-a-customer"]'),
        ("s3.json", '["http://127.0.0.1:45660", "http://127.0.0.1:*", "https://example.com:4566"]'),
    ],
)
def test_other_urls_and_stored_data_stay(name: str, saved: str) -> None:
    assert Moved(PORTS, PORTS | {"aws": 4567})(name, saved) == saved


def test_url_of_a_process_that_is_not_named_stays() -> None:
    saved = '["http://127.0.0.1:12111"]'
    assert Moved(PORTS, {"aws": 4567})("lambda.json", saved) == saved
