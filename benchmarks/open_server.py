"""A local AWS that lets everybody in, for `bench_signatures` only: the same server without its gate."""

import sys

from local_aws.server import gate, process


def let_in(_gate: object, _head: object, _read: object) -> None:
    """Let any request in, and leave its body unread, as the gate does on S3."""


if __name__ == "__main__":
    setattr(gate.Gate, "admit", let_in)  # noqa: B010
    sys.exit(process.main())
