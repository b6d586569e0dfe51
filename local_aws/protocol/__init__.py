"""AWS's requests and responses, checked against botocore's service model."""
