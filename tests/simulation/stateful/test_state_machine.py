"""Thousands of interleavings of clients, deliveries and failures, chosen by Hypothesis."""

from support.stateful.state_machine import ShopStateMachine

TestShop = ShopStateMachine.TestCase
