"""Django: an app that logs users in with Zoho, calls Zoho as them, and lists their tokens.

In the settings: ``"evergrant.integrations.django"`` in ``INSTALLED_APPS``,
``"evergrant.integrations.django.middleware.ZohoMiddleware"`` behind the session's in
``MIDDLEWARE``, and ``EVERGRANT`` (see `evergrant.integrations.django.conf`). In the URLs:
``path("zoho/", include("evergrant.integrations.django.urls"))``.
"""
