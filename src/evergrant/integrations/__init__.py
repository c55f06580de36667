"""Web frameworks: log users in with Zoho, and call Zoho as the logged-in user.

`fastapi`, `flask` and `django` integrate one framework each. `web` holds what they share, and
serves any other framework.
"""
