"""AUTOINDEX: an index type chosen from the column."""
