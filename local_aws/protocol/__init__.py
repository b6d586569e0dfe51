"""AWS's requests and answers, judged by botocore's service model."""
