"""The seed pictures: every toy has its own, and each shows what ``pictures.toml`` names."""

from __future__ import annotations

import hashlib
import io
from collections import Counter
from pathlib import Path

import pytest
from PIL import Image

import seed_catalogue
from seed_catalogue import SeedToy, load, pictures
from seed_catalogue.illustrations import Illustration, drawables, illustrations

TOYS = load()
FOLDER = Path(seed_catalogue.__file__).parent / "pictures"


def first_views() -> dict[str, Illustration]:
    return {key: views[0] for key, views in illustrations().items()}


def test_every_picture_is_a_webp_of_800_pixels() -> None:
    for toy in TOYS:
        for picture in pictures(toy):
            image = Image.open(io.BytesIO(picture.content))
            assert (image.format, image.size) == ("WEBP", (800, 800)), picture.filename
            assert picture.content_type == "image/webp"
            assert 2_000 < len(picture.content) < 25_000, picture.filename


@pytest.mark.parametrize("toy", TOYS[::16], ids=lambda toy: toy.key)
def test_picture_can_be_decoded_and_is_not_blank(toy: SeedToy) -> None:
    image = Image.open(io.BytesIO(pictures(toy)[0].content)).convert("RGB")
    assert len(image.resize((64, 64)).quantize(16).getcolors() or []) >= 8


def test_all_pictures_together_stay_small() -> None:
    assert sum(file.stat().st_size for file in FOLDER.iterdir()) < 6_000_000


def test_toys_and_illustrations_have_the_same_keys() -> None:
    assert set(illustrations()) == {toy.key for toy in TOYS}


def test_every_picture_file_belongs_to_a_toy() -> None:
    named = [picture.filename for toy in TOYS for picture in pictures(toy)]
    assert sorted(named) == sorted(file.name for file in FOLDER.iterdir())


def test_at_least_forty_toys_have_a_second_view() -> None:
    assert sum(len(views) == 2 for views in illustrations().values()) >= 40


def test_no_two_pictures_have_the_same_bytes() -> None:
    digests = Counter(hashlib.sha256(file.read_bytes()).digest() for file in FOLDER.iterdir())
    assert max(digests.values()) == 1


def test_no_two_toys_show_the_same_objects() -> None:
    known = drawables()
    # the emoji decide: another tint of the same object is not another picture
    shown = Counter(
        tuple(sorted(known[name].emoji for name in view.objects)) for view in first_views().values()
    )
    assert [emoji for emoji, times in shown.items() if times > 1] == []


def test_no_two_views_have_the_same_objects_and_layout() -> None:
    views = Counter(
        (tuple(sorted(view.objects)), view.layout)
        for views in illustrations().values()
        for view in views
    )
    assert [view for view, times in views.items() if times > 1] == []


def test_every_object_shown_is_defined_and_every_definition_used() -> None:
    used = {name for views in illustrations().values() for view in views for name in view.objects}
    assert used == set(drawables())


def test_alternative_text_names_the_toy_and_what_is_shown() -> None:
    for toy in TOYS:
        for picture, view in zip(pictures(toy), illustrations()[toy.key], strict=True):
            name, _, shown = picture.alt.partition(": ")
            assert name == toy.name
            assert shown[1:] == view.description[1:]
            assert 5 <= len(shown) <= 200
            # the same noun twice would not read well: such a view needs a text of its own
            assert view.shows or len(set(view.objects)) == len(view.objects), toy.key


def test_description_joins_the_objects_in_a_phrase() -> None:
    view = Illustration(("a teapot", "a cup of tea", "a cookie"), "trio")
    assert view.description == "A teapot, a cup of tea and a cookie"
    assert Illustration(("an owl",), "one").description == "An owl"
    assert Illustration(("an owl", "an owl"), "pair", "Two owls").description == "Two owls"
