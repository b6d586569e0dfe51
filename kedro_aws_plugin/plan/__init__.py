"""What should happen, as values: (config, project, observed) -> Plan."""
