"""Requests and replies as values. They cross process borders, so they hold nothing but data.

Each request class names its reply: `class DropCollection(Request[None])`. Whoever has a `Service` (in this process, or
behind a socket) calls `service.execute(request)` and gets that reply.
"""
