"""The least-privilege IAM policies of a project: who calls what, on which resources."""
