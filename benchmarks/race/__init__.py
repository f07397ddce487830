"""The parts of `adapter.py`, the race between adapters; everything here runs in the race's own environment.

apps          the same four routes in each framework
events        the requests, and the events in which AWS would send them
contestants   lambdify and its peers, and calling the app without any of them
timing        CPU time of each on the same events, in turns
counting      instructions of each, as valgrind sees them
starting      CPU time and modules of importing each
"""
