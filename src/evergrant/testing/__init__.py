"""Helps for tests: the pytest plugin, and the suite that every token store passes."""
