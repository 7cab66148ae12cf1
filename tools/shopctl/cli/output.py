"""Output that does not stop a command when its reader ends, as in `./shop up --detach | head`."""

import io
import os
import sys
from typing import Any, TextIO

import click


class ChangingCommand(click.Command):
    """A command that changes something: it completes although its output's reader has ended.

    A command that only reads ends at once instead, as Unix tools do.
    """

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command."""
        output = sys.stdout
        sys.stdout = lasting(output)
        try:
            return super().invoke(ctx)
        finally:
            if sys.stdout:
                sys.stdout.flush()
            sys.stdout = output


def lasting(stream: TextIO) -> TextIO:
    """Return a stream to the same file that ignores what is written after its reader has ended."""
    try:
        descriptor = stream.fileno()
    # the stream is None after `>&-`, and has no file in a test
    except (AttributeError, io.UnsupportedOperation):
        return stream
    stream.flush()
    return io.TextIOWrapper(
        io.BufferedWriter(_LastingFile(descriptor, "w", closefd=False)),
        encoding=stream.encoding,
        errors=stream.errors,
        line_buffering=True,
    )


class _LastingFile(io.FileIO):
    def write(self, data: Any) -> int:
        try:
            return super().write(data)
        except BrokenPipeError:
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, self.fileno())
            os.close(nowhere)
            return len(data)
