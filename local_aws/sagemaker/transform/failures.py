"""How single inputs of transform jobs fail."""


class InputFailed(Exception):
    """An input cannot be transformed, and its job goes on with the next one.

    Args:
        blame: ``ClientError`` if the input is at fault, ``AlgorithmError`` if the container is.
        lines: What the log says of it.
    """

    def __init__(self, blame: str, *lines: str) -> None:
        super().__init__(blame)
        self.blame = blame
        self.lines = lines
