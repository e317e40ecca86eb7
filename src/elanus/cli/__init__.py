"""The `elanus` command."""
