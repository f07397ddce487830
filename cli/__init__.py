"""The command line, which runs on the developer's machine. ARCHITECTURE.md shows its rooms."""
