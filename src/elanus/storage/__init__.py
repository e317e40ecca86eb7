"""How rows are kept: the log, growing chunks, segment files, deletes, and the manifest that says what is true.

Index files are opaque named artefacts here.
"""
