"""Product pages, whose head describes the toy to search engines and link previews.

A product page is the published `index.html` with another head. The page's scripts show the toy.
"""

import hashlib
import re
import time
from collections.abc import Callable
from html import escape
from typing import Any, NamedTuple

import msgspec
from botocore.exceptions import BotoCoreError, ClientError

from chalicelib.storefront_api.catalogue import Catalogue
from chalicelib.storefront_api.slugs import slug
from chassis import log
from chassis.money import major_units
from chassis.problems import NotFound, ProblemError, ServiceUnavailable
from contracts.toys import Toy

SHELL = "page/index.html"
"""The key of the document."""
_SHOP = "The Toy Shop"
_SHELL_SECONDS = 15
_ADDRESS = re.compile(r"(?:.*-)?(toy_[0-9A-Za-z]+)")
_REPLACED = re.compile(r"\s*(?:<title>.*?</title>|<meta name=\"description\"[^>]*>)", re.DOTALL)
_DESCRIPTION_LENGTH = 160
_SHARED = "public, max-age=0, s-maxage=60"
"""CloudFront caches a product page for a minute; browsers revalidate it each time."""
_UNSHARED = "no-store"
# these characters would end the script element, or a line in it
_ESCAPED = {ord(char): f"\\u{ord(char):04x}" for char in "<>&\u2028\u2029"}


class Page(NamedTuple):
    """A response to a browser or crawler; `location` is the target of a redirect."""

    status: int
    body: str
    caching: str
    location: str = ""

    @property
    def etag(self) -> str:
        """The entity tag of the body."""
        return f'"{hashlib.sha256(self.body.encode()).hexdigest()[:32]}"'


class Shell:
    """The page's document, which a deployment of the page stores in a bucket.

    Parameters
    ----------
    s3
        Returns a client of S3; called when the document is first needed.
    bucket
        The bucket.
    now
        Returns a time in seconds, to read the document again after a while.
    """

    def __init__(
        self, s3: Callable[[], Any], bucket: str, now: Callable[[], float] = time.monotonic
    ) -> None:
        self._s3 = s3
        self._bucket = bucket
        self._now = now
        self._text = ""
        self._read_at = 0.0

    def text(self) -> str:
        """Return the document, as read at most a few seconds ago.

        Raises
        ------
        ServiceUnavailable
            If it cannot be read and has not been read before.
        """
        if not self._text or self._now() - self._read_at > _SHELL_SECONDS:
            try:
                answer = self._s3().get_object(Bucket=self._bucket, Key=SHELL)
                self._text = answer["Body"].read().decode()
            except (ClientError, BotoCoreError) as error:
                log.error("page not read", bucket=self._bucket, reason=str(error))
                if not self._text:
                    raise ServiceUnavailable("The page is not available now.") from None
            self._read_at = self._now()
        return self._text


class ProductPages:
    """Serves the addresses of toys.

    Parameters
    ----------
    catalogue
        Reads the toys.
    shell
        The page's document.
    origin
        The shop's origin; if it is empty, the head has no absolute addresses.
    """

    def __init__(self, catalogue: Catalogue, shell: Shell, origin: str) -> None:
        self._catalogue = catalogue
        self._shell = shell
        self._origin = origin.rstrip("/")

    def find(self, name: str) -> Page:
        """Return the product page of a toy.

        Parameters
        ----------
        name
            The address below `/toys/`: an id, or a slug, a hyphen and an id.

        Raises
        ------
        ServiceUnavailable
            If the document cannot be read.
        """
        shell = self._shell.text()
        found = _ADDRESS.fullmatch(name)
        if found is None:
            return Page(404, shell, _UNSHARED)
        try:
            toy = self._catalogue.get(found[1])
        except NotFound:
            return Page(404, shell, _UNSHARED)
        except ProblemError as problem:
            # the page shows the error, with a button to try again; crawlers keep their copy
            log.warning("toy not read", toy_id=found[1], reason=str(problem))
            return Page(503, shell, _UNSHARED)
        path = f"{slug(toy.name)}-{toy.id}"
        if name != path:
            return Page(301, "", _SHARED, f"/toys/{path}")
        return Page(200, _with_head(shell, toy, self._origin, f"/toys/{path}"), _SHARED)


def _with_head(shell: str, toy: Toy, origin: str, path: str) -> str:
    """Return the document with a head that describes a toy.

    The page sets the same elements when a customer goes to the toy from another address, and
    removes them when the customer goes elsewhere.
    """
    head, _, rest = shell.partition("</head>")
    description = excerpt(toy.description) or toy.name
    elements = [
        f"<title>{escape(toy.name)} · {_SHOP}</title>",
        f'<meta name="description" content="{escape(description)}">',
        _property("og:title", toy.name),
        _property("og:description", description),
        _property("og:type", "product"),
        _property("og:site_name", _SHOP),
        _property("product:price:amount", major_units(toy.price)),
        _property("product:price:currency", toy.price.currency),
    ]
    images = [origin + image.url for image in toy.images]
    if origin:
        elements.append(f'<link rel="canonical" href="{escape(origin + path)}">')
        elements.append(_property("og:url", origin + path))
        elements += [_property("og:image", image) for image in images[:1]]
    card = "summary_large_image" if images else "summary"
    elements.append(f'<meta name="twitter:card" content="{card}">')
    data = msgspec.json.encode(_product(toy, images, origin + path)).decode().translate(_ESCAPED)
    elements.append(f'<script type="application/ld+json">{data}</script>')
    lines = "".join(f"\n  {element}" for element in elements)
    return f"{_REPLACED.sub('', head).rstrip()}{lines}\n</head>{rest}"


def excerpt(text: str) -> str:
    """Return the first words of a text on one line, at most 160 characters; as the page does.

    Examples
    --------
    >>> excerpt("Runs on\\nevery  track.")
    'Runs on every track.'
    """
    text = " ".join(text.split())
    if len(text) <= _DESCRIPTION_LENGTH:
        return text
    start = text[: _DESCRIPTION_LENGTH - 1]
    # not every language has spaces
    return (start.rpartition(" ")[0] or start).rstrip(",;:.") + "…"


def _property(name: str, content: str) -> str:
    return f'<meta property="{name}" content="{escape(content)}">'


def _product(toy: Toy, images: list[str], address: str) -> dict[str, Any]:
    """Return the schema.org product of a toy."""
    return {
        "@context": "https://schema.org",
        "@type": "Product",
        "sku": toy.id,
        "name": toy.name,
        "description": toy.description,
        "image": images,
        "category": toy.category,
        "brand": {"@type": "Brand", "name": toy.brand},
        "audience": {"@type": "PeopleAudience", "suggestedMinAge": toy.min_age},
        "offers": {
            "@type": "Offer",
            "url": address,
            "price": major_units(toy.price),
            "priceCurrency": toy.price.currency,
            # every toy of the catalogue can be ordered
            "availability": "https://schema.org/InStock",
            "itemCondition": "https://schema.org/NewCondition",
        },
    }
