"""CloudWatch's metrics of endpoints, and the alarms on them."""
