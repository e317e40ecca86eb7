"""Clock, ids, timestamps, threads, metrics and logs: the only place that asks the machine for them.

Everything above takes these as arguments, so that a test can hold time still and replay a seed.
"""
