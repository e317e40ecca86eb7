"""The network front: gRPC, REST, health and metrics, and one port for the first two.

Adapters translate a wire request into a value of `service.requests`, execute it, and translate the reply back. They
decide nothing: what a request means, and what is allowed, is the service's business.
"""
