"""The page: folds the stream of facts, serves it over HTTP and WebSockets, and hands commands to the engine."""
