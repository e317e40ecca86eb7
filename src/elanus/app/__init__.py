"""The composition root: from settings to components to a service; opening, sharing and serving a database."""
