"""Ids: new ones sort by time, derived ones never change."""

import re
import time

from hypothesis import given
from hypothesis import strategies as st

from chassis.ids import derived_id, new_id

ULID = re.compile(r"[a-z]{3}_[0-7][0-9A-HJKMNP-TV-Z]{25}")


def test_a_new_id_is_a_prefixed_ulid() -> None:
    ids = [new_id("toy") for _ in range(1000)]
    assert all(ULID.fullmatch(identifier) and identifier.startswith("toy_") for identifier in ids)
    assert len(set(ids)) == 1000


def test_later_ids_sort_later() -> None:
    first = new_id("toy")
    time.sleep(0.002)
    assert first < new_id("toy")


def test_a_derived_id_never_changes() -> None:
    # Placed orders are found by these ids: with other values they would be lost.
    assert derived_id("ord", "cus_alice", "key-1") == "ord_681J7MYTG7RGG5G95ZGZ9MT71Z"
    assert derived_id("txn", "ord_1") == "txn_4M8EJC71DSMPB6QKKX2RJGNMFA"
    assert derived_id("fil", "ord_1", "receipt") == "fil_20P16BWECJYXPFAW0Z8K1AJFXM"
    assert ULID.fullmatch(derived_id("ord", "cus_é", ""))


@given(st.lists(st.text(max_size=4), max_size=4), st.lists(st.text(max_size=4), max_size=4))
def test_other_parts_have_another_id(one: list[str], two: list[str]) -> None:
    assert (derived_id("ord", *one) == derived_id("ord", *two)) == (one == two)


def test_the_boundaries_of_the_parts_matter() -> None:
    ids = {
        derived_id("ord", *parts)
        for parts in (("ab", "c"), ("a", "bc"), ("abc",), ("abc", ""), ("", "abc"), ("a", "b", "c"))
    }
    assert len(ids) == 6
