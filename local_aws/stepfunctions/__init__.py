"""Step Functions: state machines whose tasks are processing jobs of the local SageMaker."""
