"""The stories of the whole ecosystem again, now with IAM enforced: every call has to be allowed."""

from chain.test_catalogue import (
    test_a_picture_appears_once_it_is_checked_and_can_be_removed,
    test_bytes_that_are_not_what_they_said_are_never_public,
    test_search_matches_word_prefixes_in_any_order_and_case,
)
from chain.test_orders import (
    test_a_cancelled_order_is_refunded,
    test_a_decline_charges_nothing_and_is_told,
    test_a_page_of_orders_shows_their_payments,
    test_an_order_is_paid_receipted_and_mailed_once,
    test_an_order_keeps_the_price_that_was_true_then,
    test_an_order_that_the_bank_must_confirm,
    test_ten_posts_with_one_key_make_one_order_and_one_charge,
)
from chain.test_redelivery import (
    test_a_neighbour_that_was_down_is_caught_up_with,
    test_a_picture_that_was_removed_does_not_come_back,
    test_redelivering_every_event_changes_nothing,
    test_the_shop_sells_while_payments_is_down,
)

__all__ = [
    "test_a_cancelled_order_is_refunded",
    "test_a_decline_charges_nothing_and_is_told",
    "test_a_neighbour_that_was_down_is_caught_up_with",
    "test_a_page_of_orders_shows_their_payments",
    "test_a_picture_appears_once_it_is_checked_and_can_be_removed",
    "test_a_picture_that_was_removed_does_not_come_back",
    "test_an_order_is_paid_receipted_and_mailed_once",
    "test_an_order_keeps_the_price_that_was_true_then",
    "test_an_order_that_the_bank_must_confirm",
    "test_bytes_that_are_not_what_they_said_are_never_public",
    "test_redelivering_every_event_changes_nothing",
    "test_search_matches_word_prefixes_in_any_order_and_case",
    "test_ten_posts_with_one_key_make_one_order_and_one_charge",
    "test_the_shop_sells_while_payments_is_down",
]
