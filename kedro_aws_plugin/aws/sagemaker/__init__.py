"""SageMaker: what is registered, what is served, and the steps that take more than one request."""
