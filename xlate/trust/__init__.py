"""How far to trust an answer."""
