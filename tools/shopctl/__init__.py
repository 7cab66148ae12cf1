"""The `./shop` commands."""
