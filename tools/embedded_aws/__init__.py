"""Starts ministack, an AWS in one process, and adds the behavior of AWS that it lacks.

Runs on the Python of the embedded AWS's own virtual environment, so it imports nothing but
ministack and the standard library: ``python tools/embedded_aws --port 4566 …``.
"""
