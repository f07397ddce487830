"""The local cloud: AWS's APIs, Lambda's execution environments and endpoints on this machine.

daemon → endpoints, aws → functions → processes, http_server, response_stream. May import the adapter, whose
`write_event` functions make the events. Never calls AWS, and listens on 127.0.0.1 only.
"""
