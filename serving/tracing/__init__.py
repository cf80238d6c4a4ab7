"""Traces for OpenTelemetry: what a request spent its time on."""
