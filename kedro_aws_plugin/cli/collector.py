"""How often a command makes Python look for garbage."""

import atexit
import gc
from collections.abc import Iterator
from contextlib import contextmanager

_OBJECTS = 500_000
"""How many new objects make Python look. botocore's model of SageMaker alone has more than 100,000."""


@contextmanager
def collect_rarely() -> Iterator[None]:
    """Let Python look for garbage rarely, and not at all while it ends.

    What a command imports and reads is none, and is needed to its end. Looking through it again and again
    takes as long as the rest of a command that only reads.
    """
    usual = gc.get_threshold()
    gc.set_threshold(_OBJECTS, *usual[1:])
    atexit.unregister(gc.freeze)  # once, also in a process that calls several commands
    atexit.register(gc.freeze)
    try:
        yield
    finally:
        gc.set_threshold(*usual)
