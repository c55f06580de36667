"""Files that only their owner can read, and where they are kept."""
