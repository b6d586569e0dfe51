"""Run Spark on the AWS in force."""
