"""Publishing the web page: what is uploaded in which order, kept, deleted and invalidated."""

import gzip
import json
import posixpath
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urljoin

import msgspec
import pytest
import yaml
from moto import mock_aws

import local_edge.page
from shopctl.aws import cloudformation
from shopctl.aws.clients import Cloud
from shopctl.aws.target import Target
from shopctl.deploying import page
from shopctl.drift import live, planned
from shopctl.drift.change import Change
from shopctl.project import stages
from shopctl.project.errors import ShopProblem
from shopctl.project.layout import Layout
from support.edge_functions import requested

REGION = "us-east-1"
LAYOUT = Layout.find()
LOCAL = stages.load(LAYOUT.stages, "local")
STAGE = msgspec.structs.replace(
    LOCAL, name="trial", aws="", gateway="", stripe_publishable_key="pk_test_1"
)
BUCKET = "toyshop-trial-web-000000000000"
# CloudFront compresses these types if the body has 1,000 to 10,000,000 bytes
COMPRESSED = ("text/css", "text/html", "text/javascript", "application/json", "image/svg+xml")


class Distributions:
    """CloudFront."""

    def __init__(self) -> None:
        self.invalidated: list[list[str]] = []
        self.fails = False

    def create_invalidation(
        self,
        DistributionId: str,  # noqa: N803
        InvalidationBatch: dict[str, Any],  # noqa: N803
    ) -> None:
        assert DistributionId == "E123"
        if self.fails:
            raise KeyboardInterrupt
        paths = InvalidationBatch["Paths"]
        assert paths["Quantity"] == len(paths["Items"])
        self.invalidated.append(paths["Items"])


@pytest.fixture
def distributions(monkeypatch: pytest.MonkeyPatch) -> Iterator[Distributions]:
    """Deploy the edge."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "test")
    found = Distributions()
    client = Cloud.client

    def of(cloud: Cloud, service: str) -> Any:
        return found if service == "cloudfront" else client(cloud, service)

    monkeypatch.setattr(Cloud, "client", of)
    edge = {"Web": BUCKET, "Distribution": "E123"}
    monkeypatch.setattr(cloudformation, "physical_ids", lambda *_: edge)
    with mock_aws():
        Cloud("trial", None, REGION).client("s3").create_bucket(Bucket=BUCKET)
        yield found


@pytest.fixture
def to(tmp_path: Path, distributions: Distributions) -> Target:
    web = tmp_path / "web"
    web.mkdir()
    (web / "index.html").write_text('<link href="shop.css"><script src="shop.js"></script>')
    (web / "shop.js").write_text('import "./cart.js"')
    (web / "cart.js").write_text("1")
    (web / "shop.css").write_text("body {}")
    (web / "settings.json").write_text('{"bank_page": "", "stripe_publishable_key": ""}')
    (web / ".hidden").mkdir()
    (web / ".hidden" / "file").write_text("not published")
    return Target(Layout(tmp_path, tmp_path), STAGE, Cloud("trial", None, REGION), ())


def publish(to: Target) -> str:
    reported: list[str] = []
    page.publish(to, reported.append)
    return reported[0]


def keys(to: Target) -> list[str]:
    found = to.cloud.client("s3").list_objects_v2(Bucket=BUCKET).get("Contents", [])
    return [item["Key"] for item in found]


def directories(to: Target) -> set[str]:
    return {posixpath.dirname(key) for key in keys(to) if "/" in key}


def served(to: Target, key: str) -> dict[str, Any]:
    found = to.cloud.client("s3").get_object(Bucket=BUCKET, Key=key)
    body = found["Body"].read()
    if found.get("ContentEncoding") == "gzip":
        body = gzip.decompress(body)
    return {**found, "Body": body.decode()}


def change(to: Target, name: str, text: str) -> None:
    (to.layout.root / "web" / name).write_text(text)


def test_page_is_published_with_its_headers(to: Target) -> None:
    assert publish(to) == "web created"
    (assets,) = directories(to)
    assert keys(to) == [
        *(f"{assets}/{name}" for name in ("cart.js", "shop.css", "shop.js")),
        "index.html",
        "not-found.html",
        "settings.json",
    ]
    index = served(to, "index.html")
    assert (
        index["Body"]
        == f'<link href="/{assets}/shop.css"><script src="/{assets}/shop.js"></script>'
    )
    assert (index["ContentType"], index["CacheControl"]) == ("text/html; charset=utf-8", "no-cache")
    script = served(to, f"{assets}/shop.js")
    assert script["ContentType"] == "text/javascript; charset=utf-8"
    assert script["CacheControl"] == "public, max-age=31536000, immutable"
    # AND the settings are the stage's
    settings = served(to, "settings.json")
    assert json.loads(settings["Body"])["stripe_publishable_key"] == "pk_test_1"
    assert settings["CacheControl"] == "no-cache"


def test_document_for_unknown_addresses_is_the_page_with_its_status(to: Target) -> None:
    publish(to)
    index, unknown = served(to, "index.html"), served(to, "not-found.html")
    assert unknown["Body"] == index["Body"]
    assert (unknown["ContentType"], unknown["CacheControl"]) == (
        index["ContentType"],
        index["CacheControl"],
    )
    # which the function NotFound of the distribution reads
    assert unknown["Metadata"]["status"] == "404"
    assert "status" not in index["Metadata"]


def test_storefront_gets_the_document(to: Target) -> None:
    publish(to)
    # GIVEN a storefront that was deployed after the page
    bucket = "toyshop-trial-storefront-api-page-1"
    to.cloud.client("s3").create_bucket(Bucket=bucket)
    name = "/toyshop/trial/storefront-api/page-bucket"
    to.cloud.client("ssm").put_parameter(Name=name, Value=bucket, Type="String")
    # WHEN the same page is deployed
    assert publish(to) == "web updated"
    assert publish(to) == "web unchanged"
    # THEN it has the published document, after each change too
    for text in ("1", "2"):
        found = to.cloud.client("s3").get_object(Bucket=bucket, Key="page/index.html")
        assert found["Body"].read().decode() == served(to, "index.html")["Body"]
        change(to, "cart.js", text)
        publish(to)


def test_references_are_resolved_from_their_document(to: Target) -> None:
    change(to, "index.html", '<a href="/docs/"></a><script src="/lib/app.js"></script>')
    (to.layout.root / "web" / "lib").mkdir()
    change(to, "lib/app.js", 'import "../cart.js"; picture("/shop.css"); read("/settings.json")')
    change(to, "shop.css", 'a { background: url("/cart.js") }')
    (to.layout.root / "web" / "docs").mkdir()
    change(to, "docs/portal.js", "1")
    change(
        to,
        "docs/index.html",
        '<link href="../shop.css"><script src="portal.js"></script>'
        '<a href="index.html"></a><a href="../other.js"></a>',
    )
    publish(to)
    found = served(to, "index.html")["Body"]
    (assets,) = set(re.findall(r'"/(assets/\w+)/', found))
    assert found == f'<a href="/docs/"></a><script src="/{assets}/lib/app.js"></script>'
    # AND scripts and styles refer to files of their own release, and to documents
    assert served(to, f"{assets}/lib/app.js")["Body"] == (
        f'import "../cart.js"; picture("/{assets}/shop.css"); read("/settings.json")'
    )
    assert f'url("/{assets}/cart.js")' in served(to, f"{assets}/shop.css")["Body"]
    assert served(to, "docs/index.html")["Body"] == (
        f'<link href="/{assets}/shop.css"><script src="/{assets}/docs/portal.js"></script>'
        '<a href="index.html"></a><a href="../other.js"></a>'
    )


@pytest.mark.parametrize(
    "name", ["README.md", "LICENSE", "api.d.ts", "tsconfig.json", "vendor.toml"]
)
def test_files_for_developers_are_not_published(to: Target, name: str) -> None:
    publish(to)
    before = keys(to)
    change(to, name, "{}")
    assert publish(to) == "web unchanged"
    assert keys(to) == before


def test_only_a_change_is_published_and_invalidated(
    to: Target, distributions: Distributions
) -> None:
    publish(to)
    assert distributions.invalidated == [
        ["/", "/toys/*", "/index.html", "/not-found.html", "/settings.json"]
    ]
    assert publish(to) == "web unchanged"
    assert len(distributions.invalidated) == 1
    change(to, "cart.js", "2")
    assert publish(to) == "web updated"
    assert len(distributions.invalidated) == 2
    # AND another publishable key is a change too
    other = msgspec.structs.replace(STAGE, stripe_publishable_key="pk_test_2")
    assert publish(Target(to.layout, other, to.cloud, ())) == "web updated"


def test_missing_publishable_key_is_reported(to: Target) -> None:
    reported: list[str] = []
    without = msgspec.structs.replace(STAGE, stripe_publishable_key="")
    page.publish(Target(to.layout, without, to.cloud, ()), reported.append)
    assert "customers cannot confirm payments with their banks" in reported[1]
    # AND the simulator's bank page needs none
    local = msgspec.structs.replace(without, gateway="http://127.0.0.1:12111")
    reported.clear()
    page.publish(Target(to.layout, local, to.cloud, ()), reported.append)
    assert reported == ["web updated"]
    settings = json.loads(served(to, "settings.json")["Body"])
    assert settings["bank_page"] == "http://127.0.0.1:12111/bank/"


def test_index_is_uploaded_last_and_old_files_are_deleted_after_it(
    to: Target, monkeypatch: pytest.MonkeyPatch
) -> None:
    change(to, "old.html", "old")
    publish(to)
    (to.layout.root / "web" / "old.html").unlink()
    change(to, "cart.js", "2")
    done: list[tuple[str, str]] = []
    client = to.cloud.client("s3")

    def record(params: dict[str, Any], model: Any, **_: Any) -> None:
        if params.get("Bucket", BUCKET) == BUCKET:
            done.append((model.name, params["Key"]))

    for operation in ("PutObject", "DeleteObject"):
        client.meta.events.register(f"provide-client-params.s3.{operation}", record)
    publish(to)
    names = [name for name, _ in done]
    last = names.index("DeleteObject") - 1
    assert done[last] == ("PutObject", "index.html")
    assert names == ["PutObject"] * (last + 1) + ["DeleteObject"]
    assert done[-1] == ("DeleteObject", "old.html")


def test_page_that_is_open_keeps_the_files_of_its_release(to: Target) -> None:
    releases = []
    for text in ("1", "2", "3"):
        change(to, "cart.js", text)
        publish(to)
        releases.append(served(to, "index.html")["Body"].split('"')[1].rpartition("/")[0][1:])
    # THEN the files of the previous release are there, and no older ones
    assert directories(to) == set(releases[1:])
    assert served(to, f"{releases[1]}/cart.js")["Body"] == "2"


def test_interrupted_publication_is_repeated(to: Target, distributions: Distributions) -> None:
    publish(to)
    before = directories(to)
    change(to, "cart.js", "2")
    # GIVEN a command that was killed after the new index was live
    distributions.fails = True
    with pytest.raises(KeyboardInterrupt):
        publish(to)
    distributions.fails = False
    # WHEN it is run again THEN it invalidates, and keeps the files of the release before
    assert publish(to) == "web updated"
    assert len(distributions.invalidated) == 2
    assert before < directories(to)
    assert publish(to) == "web unchanged"


def test_rollback_publishes_the_previous_release(to: Target, distributions: Distributions) -> None:
    with pytest.raises(ShopProblem, match="no release before the current one"):
        page.roll_back(to, print)
    for text in ("1", "2", "3"):
        change(to, "cart.js", text)
        publish(to)
    reported: list[str] = []
    page.roll_back(to, reported.append)
    assert reported == ["web rolled back"]
    assert len(distributions.invalidated) == 4
    (found,) = re.findall(r'href="/(assets/\w+)/', served(to, "index.html")["Body"])
    assert served(to, f"{found}/cart.js")["Body"] == "2"
    # AND once more, until there is none
    page.roll_back(to, print)
    (found,) = re.findall(r'href="/(assets/\w+)/', served(to, "index.html")["Body"])
    assert served(to, f"{found}/cart.js")["Body"] == "1"
    with pytest.raises(ShopProblem, match="no release before the current one"):
        page.roll_back(to, print)
    # AND the next deployment publishes the checkout again
    assert publish(to) == "web updated"


def test_deployer_is_allowed_exactly_what_publishing_needs(to: Target) -> None:
    # GIVEN the operations of a first and a second release, and of a rollback
    done: set[str] = set()

    def record(params: dict[str, Any], model: Any, **_: Any) -> None:
        if params.get("Bucket") == BUCKET:
            done.add(model.name)

    to.cloud.client("s3").meta.events.register("provide-client-params.s3.*", record)
    for text in ("1", "2", "3"):
        change(to, "cart.js", text)
        publish(to)
    page.roll_back(to, print)
    # THEN they are allowed on the bucket, and nothing else is
    names = {"HeadObject": "GetObject", "ListObjectsV2": "ListBucket"}
    template = yaml.safe_load((LAYOUT.infra / "deployer.yaml").read_text())
    statements = {
        statement["Sid"]: statement
        for resource in template["Resources"].values()
        if resource["Type"] == "AWS::IAM::ManagedPolicy"
        for statement in resource["Properties"]["PolicyDocument"]["Statement"]
    }
    allowed = statements["WebPage"]
    assert set(allowed["Action"]) == {f"s3:{names.get(name, name)}" for name in done}
    edge = yaml.safe_load((LAYOUT.infra / "edge.yaml").read_text())["Resources"]
    bucket = edge["Web"]["Properties"]["BucketName"]["Fn::Sub"]
    assert [resource["Fn::Sub"] for resource in allowed["Resource"]] == [
        f"arn:${{AWS::Partition}}:s3:::{bucket}",
        f"arn:${{AWS::Partition}}:s3:::{bucket}/*",
    ]
    assert statements["Invalidations"]["Action"] == "cloudfront:CreateInvalidation"


def test_diff_shows_which_files_differ(to: Target) -> None:
    assert planned.page_of(to).outcome == "created"
    publish(to)
    assert planned.page_of(to).outcome == "unchanged"
    change(to, "cart.js", "2")
    change(to, "new.js", "1")
    (to.layout.root / "web" / "shop.css").unlink()
    found = planned.page_of(to)
    assert (found.name, found.outcome) == ("web", "changed")
    assert found.code == [
        Change("changed", "cart.js"),
        Change("added", "new.js"),
        Change("removed", "shop.css"),
    ]


def test_large_script_is_stored_compressed(to: Target) -> None:
    change(to, "cart.js", "1;" * 1000)
    publish(to)
    (assets,) = directories(to)
    script = to.cloud.client("s3").get_object(Bucket=BUCKET, Key=f"{assets}/cart.js")
    assert (script["ContentEncoding"], script["ContentType"]) == (
        "gzip",
        "text/javascript; charset=utf-8",
    )
    assert gzip.decompress(script["Body"].read()) == b"1;" * 1000
    assert "ContentEncoding" not in served(to, f"{assets}/shop.js")
    assert "ContentEncoding" not in served(to, "index.html")
    assert live.page_files(to) == []
    # another version of zlib makes other bytes of the same file
    for level in (1, 0):
        put(to, f"{assets}/cart.js", gzip.compress(b"1;" * 1000, level))
        assert live.page_files(to) == []
    for other in (gzip.compress(b"2;" * 1000), b"1;" * 1000, b""):
        put(to, f"{assets}/cart.js", other)
        assert [(one.name, one.state) for one in live.page_files(to)] == [
            (f"{assets}/cart.js", "changed")
        ]


def put(to: Target, key: str, body: bytes) -> None:
    to.cloud.client("s3").put_object(Bucket=BUCKET, Key=key, Body=body)


def test_live_diff_shows_what_was_changed_by_hand(to: Target) -> None:
    for text in ("0", "1"):
        change(to, "cart.js", text)
        publish(to)
    assert live.page_files(to) == []
    # GIVEN a file that was changed, one that was deleted, and one that was added
    (assets,) = re.findall(r'href="/(assets/\w+)/', served(to, "index.html")["Body"])
    storage = to.cloud.client("s3")
    storage.put_object(Bucket=BUCKET, Key="settings.json", Body=b"{}")
    storage.delete_object(Bucket=BUCKET, Key=f"{assets}/cart.js")
    storage.put_object(Bucket=BUCKET, Key="by-hand.html", Body=b"x")
    # AND one that is not published yet
    change(to, "new.js", "1")
    assert [(one.name, one.state) for one in live.page_files(to)] == [
        ("new.js", "missing"),
        (f"{assets}/cart.js", "missing"),
        ("by-hand.html", "extra"),
        ("settings.json", "changed"),
    ]


def test_stage_without_an_edge_has_no_page(to: Target, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cloudformation, "physical_ids", lambda *_: {})
    assert publish(to) == "web not published: the stage trial has no edge yet"
    for command in (
        lambda: page.publish(to, print, required=True),
        lambda: page.roll_back(to, print),
        lambda: page.published(to),
    ):
        with pytest.raises(ShopProblem, match="The stage trial has no edge yet"):
            command()


def test_edge_whose_creation_failed_is_none(to: Target, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "test")
    for status, expected in (("CREATE_COMPLETE", True), ("DELETE_COMPLETE", False)):
        summaries = [
            {"LogicalResourceId": name, "PhysicalResourceId": "id", "ResourceStatus": status}
            for name in ("Web", "Distribution")
        ]
        monkeypatch.setattr(cloudformation, "resources", lambda *_, found=summaries: found)
        assert page.has_edge(to) is expected


def test_file_of_an_unknown_type_is_refused_before_any_change(to: Target) -> None:
    change(to, "notes.txt", "x")
    with pytest.raises(ShopProblem, match=r"web/notes\.txt cannot be published"):
        publish(to)
    assert keys(to) == []


# the page of the repository


@pytest.fixture(scope="module")
def objects() -> dict[str, page.Object]:
    return {one.key: one for one in page.read(LAYOUT, STAGE).objects}


PORTAL = "docs/index.html"
# compressed already
BINARY = (".png", ".webp", ".woff2")


def test_every_reference_of_the_page_is_published(objects: dict[str, page.Object]) -> None:
    for key, text in texts(objects):
        found = re.findall(r'\b(?:href|src)="([^"#]+)"', text) if key.endswith(".html") else []
        found += re.findall(r'(?:from |import |import\()"([^"]+)"', text) if is_text(key) else []
        found += re.findall(r'url\("([^"]+)"\)', text) if key.endswith(".css") else []
        # whatever else looks like a file of the page
        found += re.findall(r'"((?:\.*/)+[\w./-]+\.(?:js|css|svg|webp|woff2|json|html))[#"]', text)
        for reference in found:
            if not reference.startswith("https://"):
                path = urljoin(f"/{key}", reference)
                assert requested(path)["uri"][1:] in {*objects, PORTAL}, (key, reference)


def test_scripts_import_files_by_relative_names(objects: dict[str, page.Object]) -> None:
    for key, text in texts(objects):
        if key.endswith(".js"):
            for name in re.findall(r'(?:from |import |import\()"([^"]+)"', text):
                assert name.startswith(("./", "../")), (key, name)


def test_cloudfront_compresses_all_but_tiny_files(objects: dict[str, page.Object]) -> None:
    for key, one in objects.items():
        if not one.compressed and not key.endswith(BINARY):
            assert one.content_type.partition(";")[0] in COMPRESSED, key
            assert len(one.body) <= 10_000_000, key


def test_scripts_and_styles_of_the_page_are_stored_compressed(
    objects: dict[str, page.Object],
) -> None:
    found = {key for key, one in objects.items() if one.compressed}
    assert found == {key for key, one in objects.items() if is_text(key) and len(one.body) >= 1_000}
    for key in found:
        assert gzip.decompress(objects[key].stored) == objects[key].body
        assert len(objects[key].stored) < len(objects[key].body), key
    whole = page.read(LAYOUT, STAGE)
    assert [one.stored for one in whole.objects] == [one.stored for one in whole.objects]


def test_types_are_those_of_the_local_edge() -> None:
    assert page.TYPES == local_edge.page.TYPES


def is_text(key: str) -> bool:
    return key.endswith((".js", ".css", ".svg"))


def texts(objects: dict[str, page.Object]) -> Iterator[tuple[str, str]]:
    """Return the names and texts of files, without the types in comments of scripts."""
    for key, one in objects.items():
        if not key.endswith(BINARY):
            yield key, re.sub(r"/\*\*.*?\*/", "", one.body.decode(), flags=re.DOTALL)
