"""Asynchronous endpoints: requests that name their input on S3, wait in a queue, and are answered on S3."""
