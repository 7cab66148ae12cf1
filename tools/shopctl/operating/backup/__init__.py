"""Backs up the data of one service, and restores it (docs/data.md)."""
