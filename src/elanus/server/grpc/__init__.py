"""The Milvus protocol over gRPC, and over a channel that stays in the process.

Protobuf messages exist only here. Importing a module of this package needs the extra `milvus`.
"""
