"""Errors of the image's encoders."""


class ClientError(Exception):
    """A request cannot be decoded, or an answer cannot be encoded."""


class UnsupportedFormatError(Exception):
    """A content type that has no encoder or decoder."""

    def __init__(self, content_type: str) -> None:
        self.message = (
            f"Content type {content_type} is not supported. Write an input_fn that reads it, or an output_fn "
            "that writes it."
        )
        super().__init__(self.message)
