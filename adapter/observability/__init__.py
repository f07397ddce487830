"""What is told of the function's work: the app's own telemetry, sent in time. Imported where it is wanted."""
