"""Live execution: from the core's intents to orders at a venue, and from the venue's evidence back to the core."""
