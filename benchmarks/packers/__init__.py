"""What benchmarks/packaging.py is made of: projects, those who pack them, and how it is measured."""
