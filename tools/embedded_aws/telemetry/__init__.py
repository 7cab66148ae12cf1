"""Stores what the functions and AWS itself report: spans, log lines, metric values."""
