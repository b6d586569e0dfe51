"""The local AWS: moto for state, real processes for SageMaker."""
