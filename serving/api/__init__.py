"""The HTTP API: one router per resource, its schemas beside it."""
