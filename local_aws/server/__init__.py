"""The local AWS's process."""
