"""The process of the local AWS."""
