"""The command line: what runs on the machine of the person who deploys. ARCHITECTURE.md shows its rooms."""
