"""The Milvus protocol over HTTP: version 2 of its REST interface.

The HTTP framework exists only in `app`, `management` and `http`; translators here take and give JSON values.
"""
