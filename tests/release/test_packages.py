"""The code that is released to AWS, built for real with the Python that runs these tests."""

import importlib.util
import platform
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from shopctl.packaging.package import Package, build
from shopctl.project import services
from shopctl.project.layout import Layout
from shopctl.project.services import Service

CHECKOUT = Layout.find()
SERVICES = services.load(CHECKOUT.apps)
VERSION = f"{sys.version_info.major}.{sys.version_info.minor}"
# zipped; payments carries the receipts' typesetter and their fonts (ADR 0039)
LARGEST = {service.name: 6_000_000 for service in SERVICES} | {"payments": 36_000_000}
USES = {
    "file_manager": """
from io import BytesIO
from PIL import Image, ImageCms
from chalicelib.file_manager import images
profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
for kind in ("JPEG", "PNG", "WEBP", "GIF"):
    upload = BytesIO()
    Image.new("RGB", (400, 300), "red").save(upload, kind, icc_profile=profile)
    published = images.published_image(upload.getvalue(), f"image/{kind.lower()}")
    assert images.size_of(published) == (400, 300)
    assert [picture.width for picture in images.variants_of(published, (320,))] == [320]
""",
    "notifications": "from chassis.email_addresses import normalized; normalized('a@bücher.de')",
    "orders": "from chassis.email_addresses import normalized; normalized('a@bücher.de')",
    "payments": """
import stripe
from datetime import UTC, datetime
from chalicelib.payments.receipts import Seller, render_receipt
from contracts.money import Money
from contracts.orders import Contact
from contracts.payments import PaymentOutcome
client = stripe.StripeClient("sk_test_x", http_client=stripe.RequestsClient())
client.v1.payment_intents, client.v1.refunds, client.v1.disputes, stripe.CardError
outcome = PaymentOutcome(
    transaction_id="txn_1", order_id="ord_1", customer_id="cus_1", status="succeeded",
    amount=Money(amount=1, currency="AUD"), contact=Contact(email="a@example.com", name="李小龍"),
    lines=[], occurred_at=datetime.now(UTC),
)
assert render_receipt(outcome, Seller(name="A", address="B", tax_number="C")).startswith(b"%PDF")
""",
    "storefront_api": """
from chalicelib.storefront_api.authorizer import Authorizer, BadTokenError
from chalicelib.storefront_api.signing_keys import PublicKey
from chassis.email_addresses import normalized
normalized("a@bücher.de")
class Keys:
    def get(self, key_id):
        return PublicKey((1 << 2048) - 1)
try:
    Authorizer(Keys(), "issuer", "client").verify("Bearer eyJhbGciOiJSUzI1NiJ9.e30.AAAA")
except BadTokenError as error:
    assert str(error) == "InvalidSignatureError", error
""",
    "toys": "",
}
"""What a service does with its dependencies, to show that its package has what this needs."""
# the only machines that can import what is built for Lambda
LIKE_LAMBDA = (sys.platform, platform.machine()) == ("linux", "x86_64")


def built_in(root: Path, service: Service) -> Package:
    """Build a service for AWS in a new directory, without anything built or installed before."""
    layout = Layout(root, root / "home")
    layout.lock.parent.mkdir(parents=True)
    layout.lock.write_bytes(CHECKOUT.lock.read_bytes())
    return build(service, "local", layout, for_lambda=True)


@pytest.mark.timeout(300)
@pytest.mark.parametrize("service", SERVICES, ids=lambda service: service.name)
def test_same_sources_make_the_same_release_anywhere(service: Service, tmp_path: Path) -> None:
    # WHEN a service is built twice, in directories of other names
    first = built_in(tmp_path / "one", service)
    second = built_in(tmp_path / "another-one", service)
    # THEN the releases are the same to the byte
    assert first.archive.read_bytes() == second.archive.read_bytes()
    assert first.template == second.template
    # AND they are for the Python that built them
    functions = [
        resource["Properties"]
        for resource in first.template["Resources"].values()
        if resource["Type"] == "AWS::Serverless::Function"
    ]
    assert {function["Runtime"] for function in functions} == {f"python{VERSION}"}
    with zipfile.ZipFile(first.archive) as release:
        compiled = [name for name in release.namelist() if name.endswith(".pyc")]
        magic = {release.read(name)[:4] for name in compiled}
        release.extractall(tmp_path / "task")
    assert magic == {importlib.util.MAGIC_NUMBER}
    tags = {name.split(".")[-2] for name in compiled if "__pycache__/" in name}
    assert tags == {sys.implementation.cache_tag}
    # AND small
    assert first.archive.stat().st_size < LARGEST[service.name]
    # AND the app starts, and uses its libraries, with nothing but what is in the release
    if LIKE_LAMBDA:
        # Lambda itself sets the region
        variables = {"AWS_REGION": "us-east-1", **functions[0]["Environment"]["Variables"]}
        variables["AWS_DEFAULT_REGION"] = variables["AWS_REGION"]
        program = (
            f"import sys; sys.path.insert(0, {str(tmp_path / 'task')!r}); import app; app.app\n"
        )
        program += USES[service.name]
        done = subprocess.run(
            [sys.executable, "-I", "-S", "-W", "error", "-c", program],
            env={name: str(value) for name, value in variables.items()},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
