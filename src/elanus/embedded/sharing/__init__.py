"""Several processes, one folder: the first owns it and answers the others over a unix socket."""
