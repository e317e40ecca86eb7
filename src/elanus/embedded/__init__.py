"""Elanus inside a Python process: the native API, and the sharing of one folder by several processes."""
