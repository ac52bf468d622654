"""What the platform speaks of, each declared once: tables, API, sockets, page types and frames derive from it."""
