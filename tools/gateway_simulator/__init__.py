"""A simulator of Stripe's HTTP API: payment intents, refunds and signed webhooks."""
