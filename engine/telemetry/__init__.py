"""OpenTelemetry: each call a trace, each verb a span. Imported only where traces are wanted (`engine.traces`)."""
