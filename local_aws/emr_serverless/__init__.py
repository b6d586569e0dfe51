"""EMR Serverless: applications, and job runs that are `spark-submit` of this machine's Spark."""
