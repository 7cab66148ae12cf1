"""The start of a function: faster imports, and nothing unique in a snapshot of SnapStart.

Every ``app.py`` imports this module first, and ``ServiceApp`` calls ``complete`` after all imports.
Imports allocate many objects and hardly any garbage, so collecting it meanwhile would only take
time: a tenth of a cold start.
"""

import gc
import os
import random
from importlib import import_module

_ON_LAMBDA = "AWS_LAMBDA_FUNCTION_NAME"
_SNAP_START = ("AWS_LAMBDA_INITIALIZATION_TYPE", "snap-start")
_MORE_THAN_IMPORTS_ALLOCATE = 200_000
_threshold = gc.get_threshold()

gc.set_threshold(_MORE_THAN_IMPORTS_ALLOCATE)


def complete() -> None:
    """Collect garbage as usual from now on, and prepare for a snapshot if one is to be taken."""
    if _ON_LAMBDA in os.environ:
        # modules and classes live as long as the process, so no collection needs to visit them
        gc.freeze()
    gc.set_threshold(*_threshold)
    name, value = _SNAP_START
    if os.environ.get(name) == value:
        _register_hooks()


def _register_hooks() -> None:
    # part of Lambda's runtime, and nowhere else
    hooks = import_module("snapshot_restore_py")
    hooks.register_before_snapshot(before_snapshot)
    hooks.register_after_restore(after_restore)


def before_snapshot() -> None:
    """Import what finds the credentials of a restored function, and keep none of this process."""
    # it takes longer than all other imports of a function without DynamoDB
    import botocore.session  # noqa: F401

    _forget()


def after_restore() -> None:
    """Make this process differ from all others that the snapshot is restored to."""
    random.seed()
    _forget()


def _forget() -> None:
    """Close all connections, and drop clients and credentials; new ones are made when needed."""
    from chassis import aws, connections, signing, tracing

    connections.shared().close()
    signing.forget_keys()
    tracing.forget()
    aws.client.cache_clear()
    aws.session.cache_clear()
