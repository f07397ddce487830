"""[domain]: the names of a stage. Its forms of values, what may not be together, and whose names they are."""
