"""Where tokens are kept: one contract, many storages."""
