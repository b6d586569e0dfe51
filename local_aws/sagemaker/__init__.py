"""SageMaker: registry, endpoints, and the processes that serve models."""
