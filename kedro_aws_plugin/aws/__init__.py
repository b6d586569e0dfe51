"""The only importer of boto3: one gateway for each AWS service."""
