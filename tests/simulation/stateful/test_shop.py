"""Thousands of ways in which clients, deliveries and failures may interleave."""

from support.stateful.shop import Shop

TestShop = Shop.TestCase
