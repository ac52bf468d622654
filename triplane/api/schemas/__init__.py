"""The shapes of what goes over the wire, each with an example, so that OpenAPI tells everything."""
