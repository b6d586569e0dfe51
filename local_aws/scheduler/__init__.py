"""EventBridge Scheduler: moto keeps the schedules, and this room makes their targets happen."""
