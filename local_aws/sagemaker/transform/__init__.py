"""Batch transform jobs: what CreateTransformJob starts, by the same model servers as endpoints have."""
