"""The real Stripe client against the simulator, which runs as a process of its own."""

import json
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

from gateway_simulator.client import ControlClient, ControlError
from gateway_simulator.objects import API_VERSION

START_SECONDS = 10


class Process:
    """A simulator on a free port."""

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
            assert ready.select(START_SECONDS), "the simulator says nothing"
        line = self.popen.stdout.readline()
        self.url = line.split(" on ")[1].split(",")[0]
        self.port = int(self.url.rpartition(":")[2])
        self.control = ControlClient(self.url)

    def client(self, **options: Any) -> stripe.StripeClient:
        """Return the real client, directed here; it retries nothing unless told to."""
        settings: dict[str, Any] = {"max_network_retries": 0, **options}
        return stripe.StripeClient("sk_test_shop", base_addresses={"api": self.url}, **settings)

    def end(self, number: int = signal.SIGTERM) -> int:
        """Send a signal and return the exit status."""
        self.popen.send_signal(number)
        status = self.popen.wait(timeout=5)
        assert self.popen.stdout is not None
        self.popen.stdout.close()
        return status


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Process]:
    """A simulator that the tests which do not end it have in common."""
    process = Process(tmp_path_factory.mktemp("gateway"))
    yield process
    process.end()


@pytest.fixture
def gateway(shared: Process) -> Process:
    """The common simulator, without faults of an earlier test."""
    shared.control.clear_faults()
    return shared


def created(client: stripe.StripeClient, order: str, key: str | None = None) -> Any:
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


def confirmed(client: stripe.StripeClient, intent: str, card: str, key: str) -> Any:
    return client.v1.payment_intents.confirm(
        intent, {"payment_method": card}, {"idempotency_key": key}
    )


def of(order: str, control: ControlClient) -> list[dict[str, Any]]:
    return [entry for entry in control.ledger() if entry["order_id"] == order]


def test_the_client_and_the_simulator_speak_of_the_same_version() -> None:
    assert stripe.api_version == API_VERSION


def test_create_confirm_refund(gateway: Process) -> None:
    # GIVEN the real client
    client = gateway.client()
    # WHEN it creates, confirms, retrieves and refunds
    intent = created(client, "ord_1")
    assert intent.status == "requires_payment_method"
    assert intent.metadata["note"] == "a & b = ü"
    paid = confirmed(client, intent.id, "pm_card_visa", "ord_1:confirm")
    assert client.v1.payment_intents.retrieve(intent.id).status == paid.status == "succeeded"
    assert client.v1.charges.retrieve(paid.latest_charge).paid
    refund = client.v1.refunds.create(
        {"payment_intent": intent.id}, {"idempotency_key": "ord_1:refund"}
    )
    assert client.v1.refunds.retrieve(refund.id).amount == 2999
    assert client.v1.refunds.list({"payment_intent": intent.id}).data[0].id == refund.id
    # THEN the ledger has one charge and one refund
    assert of("ord_1", gateway.control) == [
        {
            "id": paid.latest_charge,
            "type": "charge",
            "amount": 2999,
            "currency": "aud",
            "status": "succeeded",
            "idempotency_key": "ord_1:confirm",
            "order_id": "ord_1",
        },
        {
            "id": refund.id,
            "type": "refund",
            "amount": 2999,
            "currency": "aud",
            "status": "succeeded",
            "idempotency_key": "ord_1:refund",
            "order_id": "ord_1",
        },
    ]


def test_the_clients_errors_are_the_right_ones(gateway: Process) -> None:
    client = gateway.client()
    intent = created(client, "ord_2").id
    with pytest.raises(stripe.CardError) as declined:
        confirmed(client, intent, "pm_card_chargeDeclinedInsufficientFunds", "ord_2:1")
    error = declined.value.error
    assert error is not None
    assert (declined.value.code, error.decline_code) == ("card_declined", "insufficient_funds")
    assert error.payment_intent is not None
    assert error.payment_intent.id == intent
    with pytest.raises(stripe.InvalidRequestError) as unknown:
        confirmed(client, intent, "pm_nobody", "ord_2:2")
    assert (unknown.value.code, unknown.value.http_status) == ("resource_missing", 400)
    client.v1.payment_intents.cancel(intent)
    with pytest.raises(stripe.InvalidRequestError) as late:
        confirmed(client, intent, "pm_card_visa", "ord_2:3")
    assert late.value.code == "payment_intent_unexpected_state"
    with pytest.raises(stripe.InvalidRequestError) as lost:
        client.v1.payment_intents.retrieve("pi_nobody")
    assert lost.value.http_status == 404
    with pytest.raises(stripe.InvalidRequestError) as option:
        client.v1.payment_intents.create({"amount": 1, "currency": "aud", "colour": "red"})  # type: ignore[typeddict-unknown-key]
    assert option.value.code == "parameter_unknown"
    with pytest.raises(stripe.AuthenticationError):
        stripe.StripeClient(
            "sk_live_x", base_addresses={"api": gateway.url}
        ).v1.payment_intents.retrieve(intent)


def test_the_same_key_is_replayed_to_the_client(gateway: Process) -> None:
    client = gateway.client()
    first, again = created(client, "ord_3"), created(client, "ord_3")
    assert first.id == again.id
    assert again.last_response.headers["Idempotent-Replayed"] == "true"
    with pytest.raises(stripe.IdempotencyError):
        created(client, "ord_3b", key="ord_3:intent")
    for _ in range(2):
        with pytest.raises(stripe.CardError):
            confirmed(client, first.id, "pm_card_chargeDeclined", "ord_3:confirm")
    assert [entry["status"] for entry in of("ord_3", gateway.control)] == ["declined"]


def test_one_charge_from_many_clients_at_once(gateway: Process) -> None:
    intent = created(gateway.client(), "ord_4").id

    def confirm(_: int) -> str:
        try:
            return str(
                confirmed(gateway.client(), intent, "pm_card_visa", "ord_4:confirm").latest_charge
            )
        except stripe.APIError as conflict:
            return f"refused with {conflict.http_status}"

    with ThreadPoolExecutor(8) as threads:
        answers = set(threads.map(confirm, range(24)))
    assert len(answers - {"refused with 409"}) == 1
    assert len(of("ord_4", gateway.control)) == 1


def test_the_clients_own_retry_takes_no_money_twice(gateway: Process) -> None:
    # GIVEN an answer that is held longer than the client waits, after the charge
    patient = gateway.client()
    intent = created(patient, "ord_5").id
    path = "/v1/payment_intents/*/confirm"
    gateway.control.add_fault("timeout_after", method="POST", path=path, seconds=30)
    hasty = gateway.client(max_network_retries=1, http_client=stripe.RequestsClient(timeout=0.3))
    # WHEN the client retries by itself
    paid = confirmed(hasty, intent, "pm_card_visa", "ord_5:confirm")
    # THEN it gets the answer that it missed
    assert paid.status == "succeeded"
    assert paid.last_response.headers["Idempotent-Replayed"] == "true"
    assert len(of("ord_5", gateway.control)) == 1


def test_faults_reach_the_client(gateway: Process) -> None:
    client, control = gateway.client(), gateway.control
    intent = created(client, "ord_6").id
    faults: list[tuple[Any, type[stripe.StripeError]]] = [
        ("throttle", stripe.RateLimitError),
        ("error_500", stripe.APIError),
        ("garbage", stripe.APIError),
    ]
    for number, (kind, error) in enumerate(faults):
        control.add_fault(kind, path="/v1/payment_intents/*")
        with pytest.raises(error):
            client.v1.payment_intents.retrieve(intent)
        assert control.faults() == [], number
    control.add_fault("error_500_after", path="*/confirm")
    with pytest.raises(stripe.APIError):
        confirmed(client, intent, "pm_card_visa", "ord_6:confirm")
    assert client.v1.payment_intents.retrieve(intent).status == "succeeded"


def test_the_shopper_authenticates(gateway: Process) -> None:
    client = gateway.client()
    intent = created(client, "ord_7").id
    waiting = confirmed(client, intent, "pm_card_authenticationRequired", "ord_7:confirm")
    assert waiting.status == "requires_action"
    assert waiting.client_secret
    assert gateway.control.authenticate(intent, "succeeded")["status"] == "succeeded"
    with pytest.raises(ControlError, match="waits for nobody"):
        gateway.control.authenticate(intent, "succeeded")
    assert [entry["status"] for entry in of("ord_7", gateway.control)] == ["succeeded"]


def test_the_client_pages_through_the_intents(gateway: Process) -> None:
    client = gateway.client()
    made = [created(client, f"ord_8{n}").id for n in range(5)]
    pages = client.v1.payment_intents.list({"limit": 2}).auto_paging_iter()
    assert [next(iter_).id for iter_ in [iter(pages)] * 5] == made[::-1]


def test_keys_are_forgotten_after_a_day_and_intents_are_not(gateway: Process) -> None:
    client = gateway.client()
    intent = created(client, "ord_9").id
    gateway.control.advance_clock(24 * 3600)
    assert created(client, "ord_9").id != intent
    assert client.v1.payment_intents.retrieve(intent).id == intent


def test_what_was_answered_survives_a_kill(tmp_path: Path) -> None:
    # GIVEN charges that are being made
    process = Process(tmp_path)
    client = process.client()
    paid: list[tuple[str, str]] = []
    first_ten = threading.Event()

    def charge_on() -> None:
        for number in range(100_000):
            try:
                intent = created(client, f"ord_{number}").id
                answer = confirmed(client, intent, "pm_card_visa", f"{number}:confirm")
            except stripe.APIConnectionError:
                return
            paid.append((f"ord_{number}", str(answer.latest_charge)))
            if len(paid) == 10:
                first_ten.set()

    thread = threading.Thread(target=charge_on)
    thread.start()
    assert first_ten.wait(10)
    # WHEN the process is killed in the middle, and started again
    process.end(signal.SIGKILL)
    thread.join()
    process = Process(tmp_path, port=process.port)
    # THEN whatever was answered is in the ledger, each once, and a retry is a replay
    ledger = [(entry["order_id"], entry["id"]) for entry in process.control.ledger()]
    assert ledger[: len(paid)] == paid
    assert len(ledger) - len(paid) in (0, 1)
    client = process.client()
    intent = created(client, "ord_0")
    assert intent.last_response.headers["Idempotent-Replayed"] == "true"
    confirmed(client, intent.id, "pm_card_visa", "0:confirm")
    assert len(process.control.ledger()) == len(ledger)
    assert process.end() == 0


def test_the_clients_library_accepts_the_webhooks(tmp_path: Path) -> None:
    received: list[tuple[bytes, str]] = []
    arrived = threading.Event()

    class Hook(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            received.append((body, self.headers["Stripe-Signature"]))
            self.send_response(204)
            self.end_headers()
            arrived.set()

        def log_message(self, format: str, *args: Any) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Hook) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        url = f"http://127.0.0.1:{server.server_port}/hook"
        process = Process(tmp_path, "--webhook-url", url, "--webhook-secret", "whsec_shop")
        # WHEN a charge succeeds, on a day far ahead
        process.control.advance_clock(7 * 24 * 3600)
        client = process.client()
        intent = created(client, "ord_1").id
        confirmed(client, intent, "pm_card_visa", "k")
        assert arrived.wait(5)
        assert process.end() == 0
        server.shutdown()
    # THEN the library verifies what was posted
    body, header = received[0]
    event = stripe.Webhook.construct_event(body, header, "whsec_shop")
    assert (event.type, event.data.object["id"]) == ("payment_intent.succeeded", intent)
    assert event.data.object["metadata"]["order_id"] == "ord_1"
    # AND nothing else
    with pytest.raises(stripe.SignatureVerificationError):
        stripe.Webhook.construct_event(body + b" ", header, "whsec_shop")
    with pytest.raises(stripe.SignatureVerificationError):
        stripe.Webhook.construct_event(body, header, "whsec_other")
    assert json.loads(body)["object"] == "event"


def test_it_stops_at_once_when_told_to(tmp_path: Path) -> None:
    # GIVEN an answer that is held
    process = Process(tmp_path)
    process.control.add_fault("timeout_after", seconds=60)
    with ThreadPoolExecutor(1) as threads:
        held = threads.submit(created, process.client(), "ord_1")
        while process.control.faults():
            time.sleep(0.01)
        # WHEN it is told to stop THEN it does, cleanly
        began = time.monotonic()
        assert process.end() == 0
        assert time.monotonic() - began < 3
        with pytest.raises(stripe.APIConnectionError):
            held.result()


def failure(*arguments: str) -> tuple[int, str]:
    command = [sys.executable, "-m", "gateway_simulator", *arguments]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=10)
    return ended.returncode, ended.stderr


def test_what_keeps_it_from_starting_is_said_in_one_sentence(
    gateway: Process, tmp_path: Path
) -> None:
    port = str(gateway.port)
    taken = failure("--port", port, "--state", str(tmp_path / "a"))
    assert taken == (1, f"gateway simulator: port {port} of 127.0.0.1 is already in use.\n")
    (tmp_path / "file").touch()
    status, sentence = failure("--port", "0", "--state", str(tmp_path / "file"))
    assert (status, sentence.count("\n")) == (1, 1)
    assert "cannot open the journal" in sentence
    status, sentence = failure("--state", str(tmp_path), "--webhook-url", "http://127.0.0.1/")
    assert (status, sentence.count("\n")) == (1, 1)


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_it_listens_on_loopback_alone(gateway: Process) -> None:
    inodes = set()
    for link in Path(f"/proc/{gateway.popen.pid}/fd").iterdir():
        # a connection of the test before may be closing just now
        with suppress(FileNotFoundError):
            name = link.readlink().name
            if name.startswith("socket:"):
                inodes.add(name.removeprefix("socket:[").rstrip("]"))
    rows = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    listening = [row[1] for row in rows if row[3] == "0A" and row[9] in inodes]
    assert listening == [f"0100007F:{gateway.port:04X}"]


def test_the_control_client_says_what_is_wrong(gateway: Process) -> None:
    assert gateway.control.health()["status"] == "ok"
    with pytest.raises(ControlError, match="seconds must be a number"):
        gateway.control.add_fault("slow")
    with pytest.raises(ControlError, match="no simulator answers"):
        ControlClient("http://127.0.0.1:9", timeout=1).ledger()
    with pytest.raises(ValueError, match="plain http"):
        ControlClient("https://api.stripe.com")
