"""Parts of the local shop: emails, ports, progress, the lock."""

import io
import socket
from email.message import EmailMessage
from pathlib import Path

import pytest
from rich.console import Console

from shopctl.local import activity, environment, mail
from shopctl.local.lock import exclusive
from shopctl.local.progress import Progress
from shopctl.project.errors import ShopProblem
from shopctl.project.layout import Layout


def test_emails_are_read_in_the_order_of_sending(tmp_path: Path) -> None:
    # GIVEN two messages, the later one with a shorter name
    for moment, subject in ((1_700_000_000_000_000_000, "second"), (999_999_999_000_000_000, "1")):
        message = EmailMessage()
        message["To"], message["Subject"] = "Alice <alice@example.com>", subject
        message.set_content("Danke schön")
        message.add_alternative("<b>Danke schön</b>", subtype="html")
        message.add_attachment(b"%PDF", maintype="application", subtype="pdf", filename="r.pdf")
        (tmp_path / f"{moment}.eml").write_bytes(bytes(message))
    # WHEN they are read
    first, second = mail.read(tmp_path)
    # THEN the older one comes first, with both bodies and its time
    assert (first["subject"], second["subject"]) == ("1", "second")
    assert second["to"] == "alice@example.com"
    assert second["text"].strip() == "Danke schön"
    assert second["html"].strip() == "<b>Danke schön</b>"
    assert second["sent_at"] == "2023-11-14T22:13:20.000Z"


def test_mail_without_html_has_an_empty_one(tmp_path: Path) -> None:
    (tmp_path / "1.eml").write_bytes(b"X-Envelope-To: bob@example.com\r\n\r\nplain")
    assert mail.read(tmp_path) == [
        {
            "to": "bob@example.com",
            "subject": "",
            "text": "plain",
            "html": "",
            "sent_at": "1970-01-01T00:00:00.000Z",
        }
    ]


def test_used_port_is_reported_with_the_option_that_changes_it() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(ShopProblem, match=f"Port {port} is used") as problem:
            environment.check_ports({"--port": port})
    assert problem.value.remedy.endswith(f"./shop up --port {port + 1}")


def test_two_equal_ports_are_refused() -> None:
    with pytest.raises(ShopProblem, match="ports are the same"):
        environment.check_ports({"--port": 9, "--aws-port": 9})


def test_processes_do_not_inherit_the_developers_aws_settings(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("AWS_PROFILE", "production")
    monkeypatch.setenv("STRIPE_API_KEY", "sk_live_1")
    variables = environment.variables(PYTHONPATH="src")
    assert "AWS_PROFILE" not in variables
    assert "STRIPE_API_KEY" not in variables
    assert variables["AWS_EC2_METADATA_DISABLED"] == "true"
    assert variables["PYTHONPATH"] == "src"


def test_waiting_ends_when_the_process_has_ended() -> None:
    with pytest.raises(ShopProblem, match="has ended") as problem:
        activity.wait_until_answers("http://127.0.0.1:1/", "edge.log", gone=lambda: True)
    assert problem.value.remedy == "See edge.log."


def test_steps_are_printed_as_plain_lines_without_a_terminal() -> None:
    output = io.StringIO()
    progress = Progress(Console(file=output, width=20, soft_wrap=True))
    with progress.step("2 services [packaged]") as step:
        step.note = "1 unchanged"
    line = output.getvalue()
    assert line.startswith("✓ 2 services [packaged] 1 unchanged 0.")
    assert line.endswith(" s\n")


def test_two_commands_do_not_start_or_stop_the_same_shop(tmp_path: Path) -> None:
    layout = Layout(root=tmp_path, home=tmp_path / "home")
    with exclusive(layout), pytest.raises(ShopProblem, match="Another command"), exclusive(layout):
        pass
    with exclusive(layout):
        pass
