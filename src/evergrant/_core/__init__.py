"""The token manager and its parts: enrolment, cache, refresh, save, revocation."""
