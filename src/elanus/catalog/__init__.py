"""Which databases, collections and aliases exist. What a collection is inside, its own manifest says."""
