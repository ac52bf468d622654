"""The command line: thin, it only reads arguments, calls the layers below and prints."""
