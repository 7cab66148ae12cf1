"""Commands for a shop that is running: replay, reconcile, backfill and smoke tests."""
