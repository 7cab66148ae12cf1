"""Stripe's client library with the simulator, which runs as a separate process."""

import json
import queue
import selectors
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import stripe

from gateway_simulator.__main__ import main
from gateway_simulator.client import ControlClient, ControlError
from gateway_simulator.objects import API_VERSION

START_SECONDS = 10


class Process:
    """A running simulator.

    Parameters
    ----------
    state
        Directory of the simulator's state.
    arguments
        Further command-line arguments.
    port
        Port to listen on; 0 selects a free one.
    """

    def __init__(self, state: Path, *arguments: str, port: int = 0) -> None:
        command = [sys.executable, "-m", "gateway_simulator", "--state", str(state)]
        self.popen = subprocess.Popen(
            [*command, "--port", str(port), *arguments],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        assert self.popen.stdout is not None
        with selectors.DefaultSelector() as ready:
            ready.register(self.popen.stdout, selectors.EVENT_READ)
            assert ready.select(START_SECONDS), "the simulator has not started"
        line = self.popen.stdout.readline()
        self.url = line.split(" on ")[1].split(",")[0]
        self.port = int(self.url.rpartition(":")[2])
        self.control = ControlClient(self.url)

    def client(self, **options: Any) -> stripe.StripeClient:
        """Return a Stripe client of this simulator; by default, it does not retry requests."""
        settings: dict[str, Any] = {"max_network_retries": 0, **options}
        return stripe.StripeClient("sk_test_shop", base_addresses={"api": self.url}, **settings)

    def stop(self, number: int = signal.SIGTERM) -> int:
        """Send a signal, wait for the process to end, and return its exit status."""
        self.popen.send_signal(number)
        # shorter than any delay that a test asks for
        status = self.popen.wait(timeout=30)
        assert self.popen.stdout is not None
        self.popen.stdout.close()
        return status


class WebhookReceiver:
    """HTTP server that records webhooks.

    Attributes
    ----------
    url
        URL that accepts webhooks.
    """

    def __init__(self) -> None:
        self._received: queue.Queue[tuple[bytes, str]] = queue.Queue()
        received = self._received

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                received.put((body, self.headers["Stripe-Signature"]))
                self.send_response(204)
                self.end_headers()

            def log_message(self, format: str, *args: Any) -> None:
                """Log nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        self.url = f"http://127.0.0.1:{self._server.server_port}/hook"

    def webhook_about(self, intent: str) -> tuple[bytes, str]:
        """Wait for the next webhook about an intent, and return its body and signature."""
        while True:
            body, header = self._received.get(timeout=5)
            if json.loads(body)["data"]["object"]["id"] == intent:
                return body, header

    def close(self) -> None:
        """Stop the server."""
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture(scope="module")
def receiver() -> Iterator[WebhookReceiver]:
    """Receiver of the shared simulator's webhooks."""
    receiver = WebhookReceiver()
    yield receiver
    receiver.close()


@pytest.fixture(scope="module")
def shared(
    tmp_path_factory: pytest.TempPathFactory, receiver: WebhookReceiver
) -> Iterator[Process]:
    """A simulator that is shared by all tests that do not stop it."""
    process = Process(
        tmp_path_factory.mktemp("gateway"),
        "--webhook-url",
        receiver.url,
        "--webhook-secret",
        "whsec_shop",
    )
    yield process
    assert process.stop() == 0


@pytest.fixture
def gateway(shared: Process) -> Process:
    """The shared simulator, without faults of earlier tests."""
    shared.control.clear_faults()
    return shared


def create(client: stripe.StripeClient, order: str, key: str | None = None) -> Any:
    return client.v1.payment_intents.create(
        {
            "amount": 2999,
            "currency": "aud",
            "metadata": {"order_id": order, "note": "a & b = ü"},
            "automatic_payment_methods": {"enabled": True, "allow_redirects": "never"},
            "description": f"Order {order}",
            "receipt_email": "alice@example.com",
        },
        {"idempotency_key": key or f"{order}:intent"},
    )


def confirm(client: stripe.StripeClient, intent: str, card: str, key: str) -> Any:
    return client.v1.payment_intents.confirm(
        intent, {"payment_method": card}, {"idempotency_key": key}
    )


def ledger_of(order: str, control: ControlClient) -> list[dict[str, Any]]:
    return [entry for entry in control.ledger() if entry["order_id"] == order]


def test_simulator_has_the_api_version_of_the_client() -> None:
    assert stripe.api_version == API_VERSION


def test_create_confirm_and_refund(gateway: Process) -> None:
    client = gateway.client()
    # WHEN an intent is created, confirmed, retrieved and refunded
    intent = create(client, "ord_1")
    assert intent.status == "requires_payment_method"
    assert intent.metadata["note"] == "a & b = ü"
    paid = confirm(client, intent.id, "pm_card_visa", "ord_1:confirm")
    assert client.v1.payment_intents.retrieve(intent.id).status == paid.status == "succeeded"
    assert client.v1.charges.retrieve(paid.latest_charge).paid
    refund = client.v1.refunds.create(
        {"payment_intent": intent.id}, {"idempotency_key": "ord_1:refund"}
    )
    assert client.v1.refunds.retrieve(refund.id).amount == 2999
    assert client.v1.refunds.list({"payment_intent": intent.id}).data[0].id == refund.id
    # THEN the ledger has one charge and one refund
    assert ledger_of("ord_1", gateway.control) == [
        {
            "id": paid.latest_charge,
            "type": "charge",
            "amount": 2999,
            "currency": "aud",
            "status": "succeeded",
            "idempotency_key": "ord_1:confirm",
            "order_id": "ord_1",
            "shown": "AUD 29.99",
        },
        {
            "id": refund.id,
            "type": "refund",
            "amount": 2999,
            "currency": "aud",
            "status": "succeeded",
            "idempotency_key": "ord_1:refund",
            "order_id": "ord_1",
            "shown": "AUD 29.99",
        },
    ]


def test_errors_raise_the_exceptions_of_the_client(gateway: Process) -> None:
    client = gateway.client()
    intent = create(client, "ord_2").id
    with pytest.raises(stripe.CardError) as declined:
        confirm(client, intent, "pm_card_chargeDeclinedInsufficientFunds", "ord_2:1")
    error = declined.value.error
    assert error is not None
    assert (declined.value.code, error.decline_code) == ("card_declined", "insufficient_funds")
    assert error.payment_intent is not None
    assert error.payment_intent.id == intent
    with pytest.raises(stripe.InvalidRequestError) as unknown:
        confirm(client, intent, "pm_nobody", "ord_2:2")
    assert (unknown.value.code, unknown.value.http_status) == ("resource_missing", 400)
    client.v1.payment_intents.cancel(intent)
    with pytest.raises(stripe.InvalidRequestError) as late:
        confirm(client, intent, "pm_card_visa", "ord_2:3")
    assert late.value.code == "payment_intent_unexpected_state"
    with pytest.raises(stripe.InvalidRequestError) as missing:
        client.v1.payment_intents.retrieve("pi_nobody")
    assert missing.value.http_status == 404
    with pytest.raises(stripe.InvalidRequestError) as option:
        client.v1.payment_intents.create({"amount": 1, "currency": "aud", "color": "red"})  # type: ignore[typeddict-unknown-key]
    assert option.value.code == "parameter_unknown"
    with pytest.raises(stripe.AuthenticationError):
        stripe.StripeClient(
            "sk_live_x", base_addresses={"api": gateway.url}
        ).v1.payment_intents.retrieve(intent)


def test_repeated_key_is_replayed(gateway: Process) -> None:
    client = gateway.client()
    first, again = create(client, "ord_3"), create(client, "ord_3")
    assert first.id == again.id
    assert again.last_response.headers["Idempotent-Replayed"] == "true"
    with pytest.raises(stripe.IdempotencyError):
        create(client, "ord_3b", key="ord_3:intent")
    for _ in range(2):
        with pytest.raises(stripe.CardError):
            confirm(client, first.id, "pm_card_chargeDeclined", "ord_3:confirm")
    assert [entry["status"] for entry in ledger_of("ord_3", gateway.control)] == ["declined"]


def test_concurrent_confirmations_with_one_key_charge_once(gateway: Process) -> None:
    intent = create(gateway.client(), "ord_4").id

    def charge(_: int) -> str:
        try:
            return str(
                confirm(gateway.client(), intent, "pm_card_visa", "ord_4:confirm").latest_charge
            )
        except stripe.APIError as conflict:
            return f"status {conflict.http_status}"

    with ThreadPoolExecutor(8) as threads:
        answers = set(threads.map(charge, range(24)))
    assert len(answers - {"status 409"}) == 1
    assert len(ledger_of("ord_4", gateway.control)) == 1


def test_retry_by_the_client_charges_once(gateway: Process) -> None:
    # GIVEN a charge whose response is delayed for longer than the client's timeout
    client = gateway.client()
    intent = create(client, "ord_5").id
    path = "/v1/payment_intents/*/confirm"
    gateway.control.add_fault("timeout_after", method="POST", path=path, seconds=30)
    impatient = gateway.client(
        max_network_retries=1, http_client=stripe.RequestsClient(timeout=0.3)
    )
    # WHEN the client retries the confirmation
    paid = confirm(impatient, intent, "pm_card_visa", "ord_5:confirm")
    # THEN it gets the stored answer
    assert paid.status == "succeeded"
    assert paid.last_response.headers["Idempotent-Replayed"] == "true"
    assert len(ledger_of("ord_5", gateway.control)) == 1


def test_faults_raise_errors_in_the_client(gateway: Process) -> None:
    client, control = gateway.client(), gateway.control
    intent = create(client, "ord_6").id
    faults: list[tuple[Any, type[stripe.StripeError]]] = [
        ("throttle", stripe.RateLimitError),
        ("error_500", stripe.APIError),
        ("garbage", stripe.APIError),
    ]
    for kind, error in faults:
        control.add_fault(kind, path="/v1/payment_intents/*")
        with pytest.raises(error):
            client.v1.payment_intents.retrieve(intent)
        assert control.faults() == [], kind
    control.add_fault("error_500_after", path="*/confirm")
    with pytest.raises(stripe.APIError):
        confirm(client, intent, "pm_card_visa", "ord_6:confirm")
    assert client.v1.payment_intents.retrieve(intent).status == "succeeded"


def test_authentication_completes_a_payment_once(gateway: Process) -> None:
    client = gateway.client()
    intent = create(client, "ord_7").id
    pending = confirm(client, intent, "pm_card_authenticationRequired", "ord_7:confirm")
    assert pending.status == "requires_action"
    assert pending.client_secret
    assert gateway.control.authenticate(intent, "succeeded")["status"] == "succeeded"
    with pytest.raises(ControlError, match="does not require authentication"):
        gateway.control.authenticate(intent, "succeeded")
    assert [entry["status"] for entry in ledger_of("ord_7", gateway.control)] == ["succeeded"]


def test_client_pages_through_the_intents(gateway: Process) -> None:
    client = gateway.client()
    made = [create(client, f"ord_8{n}").id for n in range(5)]
    pages = client.v1.payment_intents.list({"limit": 2}).auto_paging_iter()
    assert [next(iter_).id for iter_ in [iter(pages)] * 5] == made[::-1]


def test_keys_expire_after_a_day_and_intents_do_not(gateway: Process) -> None:
    client = gateway.client()
    intent = create(client, "ord_9").id
    gateway.control.advance_clock(24 * 3600)
    assert create(client, "ord_9").id != intent
    assert client.v1.payment_intents.retrieve(intent).id == intent


def test_acknowledged_charges_survive_a_kill(tmp_path: Path) -> None:
    # GIVEN a client that creates charges continuously
    process = Process(tmp_path)
    client = process.client()
    paid: list[tuple[str, str]] = []
    first_ten = threading.Event()

    def create_charges() -> None:
        for number in range(100_000):
            try:
                intent = create(client, f"ord_{number}").id
                answer = confirm(client, intent, "pm_card_visa", f"{number}:confirm")
            except stripe.APIConnectionError:
                return
            paid.append((f"ord_{number}", str(answer.latest_charge)))
            if len(paid) == 10:
                first_ten.set()

    thread = threading.Thread(target=create_charges)
    thread.start()
    assert first_ten.wait(10)
    # WHEN the process is killed meanwhile and started again
    process.stop(signal.SIGKILL)
    thread.join()
    process = Process(tmp_path, port=process.port)
    # THEN each acknowledged charge is in the ledger once, and a retry is a replay
    ledger = [(entry["order_id"], entry["id"]) for entry in process.control.ledger()]
    assert ledger[: len(paid)] == paid
    assert len(ledger) - len(paid) in (0, 1)
    client = process.client()
    intent = create(client, "ord_0")
    assert intent.last_response.headers["Idempotent-Replayed"] == "true"
    confirm(client, intent.id, "pm_card_visa", "0:confirm")
    assert len(process.control.ledger()) == len(ledger)
    assert process.stop() == 0


def test_client_library_verifies_the_webhooks(gateway: Process, receiver: WebhookReceiver) -> None:
    # GIVEN a simulator whose clock is a week ahead
    gateway.control.advance_clock(7 * 24 * 3600)
    client = gateway.client()
    # WHEN a charge succeeds
    intent = create(client, "ord_10").id
    confirm(client, intent, "pm_card_visa", "ord_10:confirm")
    body, header = receiver.webhook_about(intent)
    # THEN the library verifies the webhook
    event = stripe.Webhook.construct_event(body, header, "whsec_shop")
    assert (event.type, event.data.object["id"]) == ("payment_intent.succeeded", intent)
    assert event.data.object["metadata"]["order_id"] == "ord_10"
    # AND rejects another body or secret
    with pytest.raises(stripe.SignatureVerificationError):
        stripe.Webhook.construct_event(body + b" ", header, "whsec_shop")
    with pytest.raises(stripe.SignatureVerificationError):
        stripe.Webhook.construct_event(body, header, "whsec_other")
    assert json.loads(body)["object"] == "event"


def test_sigterm_stops_it_during_a_delayed_response(tmp_path: Path) -> None:
    # GIVEN a delayed response
    process = Process(tmp_path)
    process.control.add_fault("timeout_after", seconds=60)
    with ThreadPoolExecutor(1) as threads:
        delayed = threads.submit(create, process.client(), "ord_1")
        while process.control.faults():
            time.sleep(0.01)
        # WHEN it gets SIGTERM THEN it stops without waiting for the response
        assert process.stop() == 0
        with pytest.raises(stripe.APIConnectionError):
            delayed.result()


def test_port_in_use_ends_the_process_with_one_sentence(gateway: Process, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "gateway_simulator", "--port", str(gateway.port)]
    command += ["--state", str(tmp_path)]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=10, check=False)
    sentence = f"gateway simulator: port {gateway.port} of 127.0.0.1 is already in use.\n"
    assert (ended.returncode, ended.stderr) == (1, sentence)


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--state", "{file}"], "cannot open the journal {file}/journal.jsonl: File exists"),
        (
            ["--state", "{state}", "--webhook-url", "http://127.0.0.1/"],
            "--webhook-url and --webhook-secret must be given together",
        ),
    ],
)
def test_invalid_arguments_are_reported_in_one_sentence(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], sentence: str
) -> None:
    paths = {"file": str(tmp_path / "file"), "state": str(tmp_path / "state")}
    (tmp_path / "file").touch()
    status = main(["--port", "0", *(argument.format(**paths) for argument in arguments)])
    expected = f"gateway simulator: {sentence.format(**paths)}.\n"
    assert (status, capsys.readouterr().err) == (1, expected)


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_it_listens_on_the_loopback_interface_only(gateway: Process) -> None:
    inodes = set()
    for link in Path(f"/proc/{gateway.popen.pid}/fd").iterdir():
        # a connection of the previous test may be closing
        with suppress(FileNotFoundError):
            name = link.readlink().name
            if name.startswith("socket:"):
                inodes.add(name.removeprefix("socket:[").rstrip("]"))
    rows = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    listening = [row[1] for row in rows if row[3] == "0A" and row[9] in inodes]
    assert listening == [f"0100007F:{gateway.port:04X}"]


def test_control_client_reports_rejected_and_failed_requests(gateway: Process) -> None:
    assert gateway.control.health()["status"] == "ok"
    with pytest.raises(ControlError, match="seconds must be a number"):
        gateway.control.add_fault("slow")
    with pytest.raises(ControlError, match="no simulator answers"):
        ControlClient("http://127.0.0.1:9", timeout=1).ledger()
    with pytest.raises(ValueError, match="must begin with http://"):
        ControlClient("https://api.stripe.com")
