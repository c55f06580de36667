"""The outbox of granted tokens that their store could not take."""
