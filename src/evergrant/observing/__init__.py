"""Listeners for `evergrant.Keeper` (``on_event=``): audit log, logs, metrics and traces."""
