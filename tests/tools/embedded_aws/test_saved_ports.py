"""Moving a saved state to other ports."""

from pathlib import Path

import pytest

from embedded_aws import saved_ports

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
def test_every_saved_url_gets_the_present_port(tmp_path: Path, saved: str) -> None:
    file = tmp_path / "lambda.json"
    file.write_text(saved)
    saved_ports.move(tmp_path, PORTS)
    assert file.read_text() == saved
    saved_ports.move(tmp_path, PORTS | {"aws": 4567})
    assert file.read_text() == saved.replace(":4566", ":4567")
    saved_ports.move(tmp_path, PORTS)
    assert file.read_text() == saved


def test_processes_may_swap_their_ports(tmp_path: Path) -> None:
    file = tmp_path / "lambda.json"
    saved_ports.move(tmp_path, PORTS)
    file.write_text(
        '["http://127.0.0.1:4566/a", "http://127.0.0.1:12111", "http://127.0.0.1:8000"]'
    )
    saved_ports.move(tmp_path, {"aws": 12111, "gateway": 4566, "edge": 8001})
    assert file.read_text() == (
        '["http://127.0.0.1:12111/a", "http://127.0.0.1:4566", "http://127.0.0.1:8001"]'
    )


@pytest.mark.parametrize(
    ("name", "saved"),
    [
        ("dynamodb.json", '["http://127.0.0.1:4566/typed-by-a-customer"]'),
        ("s3.json", '["http://127.0.0.1:45660", "http://127.0.0.1:*", "https://example.com:4566"]'),
    ],
)
def test_other_urls_and_stored_data_stay(tmp_path: Path, name: str, saved: str) -> None:
    saved_ports.move(tmp_path, PORTS)
    (tmp_path / name).write_text(saved)
    saved_ports.move(tmp_path, PORTS | {"aws": 4567})
    assert (tmp_path / name).read_text() == saved


def test_state_saved_before_ports_were_recorded_is_moved(tmp_path: Path) -> None:
    for name in ("sqs.json", "lambda.json"):
        (tmp_path / name).write_text('["http://127.0.0.1:4566/000000000000/retries"]')
    saved_ports.move(tmp_path, PORTS | {"aws": 4567})
    for name in ("sqs.json", "lambda.json"):
        assert (tmp_path / name).read_text() == '["http://127.0.0.1:4567/000000000000/retries"]'


def test_port_of_a_process_that_is_not_named_stays_recorded(tmp_path: Path) -> None:
    # GIVEN a state that is opened without its gateway in between
    saved_ports.move(tmp_path, PORTS)
    saved_ports.move(tmp_path, {"aws": 4566})
    (tmp_path / "lambda.json").write_text('["http://127.0.0.1:12111"]')
    # WHEN the gateway starts on another port
    saved_ports.move(tmp_path, PORTS | {"gateway": 12112})
    # THEN its URL is moved
    assert (tmp_path / "lambda.json").read_text() == '["http://127.0.0.1:12112"]'
