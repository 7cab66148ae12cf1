"""The `./shop` commands. Imports nothing: the launcher runs without the tools' dependencies."""
