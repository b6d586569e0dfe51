"""The local CloudFormation: it makes what the services of the local AWS hold, from a template."""
