"""Index families: from a vector column to artefact files, and from those to answers. One folder a family.

Nothing here knows segments, files or requests: columns and parameters in, bytes out; mapped bytes in, rows out.
"""
