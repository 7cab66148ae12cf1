"""Thousands of ways in which clients, deliveries and failures may interleave."""

from stateful.shop import Shop

TestShop = Shop.TestCase
