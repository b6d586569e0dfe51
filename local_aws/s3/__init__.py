"""The local S3: moto's answers, with the contents of objects in files, streamed to and from the disk."""
