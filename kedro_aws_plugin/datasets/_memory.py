"""Memory that Arrow has let go of, given back to the system."""

import pyarrow as pa

_WORTH_IT = 1_000_000


def give_back(freed: int) -> None:
    """Return freed pages: Arrow's allocators keep them for their next read, beside the frame.

    Args:
        freed: About how many bytes were freed; for few it is not done, since it takes up to a millisecond.
    """
    if freed >= _WORTH_IT:
        pa.default_memory_pool().release_unused()
        pa.system_memory_pool().release_unused()  # what the S3 client has used
