"""The local cloud: AWS's APIs, Lambda's execution environments and endpoints on this machine.

daemon → endpoints, aws → functions → processes, http_server, response_stream. May import the adapter, whose
inverses write events. Never asks AWS, and listens on 127.0.0.1 only.
"""
