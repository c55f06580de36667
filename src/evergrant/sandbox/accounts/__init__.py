"""The accounts servers of the sandbox: consent, tokens, revocation, whose a token is."""
