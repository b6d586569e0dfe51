"""Spark on the AWS in force."""
