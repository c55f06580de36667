"""The settings; see docs/frameworks.md."""

import os

SECRET_KEY = os.environ["SESSION_SECRET"]
DEBUG = os.environ.get("DEBUG") == "1"
ALLOWED_HOSTS = ["127.0.0.1", "localhost"]
ROOT_URLCONF = "django_app.urls"
INSTALLED_APPS = [
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.messages",
    "django.contrib.sessions",
    "django.contrib.staticfiles",
    "evergrant.integrations.django",
]
MIDDLEWARE = [
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "evergrant.integrations.django.middleware.ZohoMiddleware",
]
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ]
        },
    }
]
DATABASES = {
    "default": {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": os.environ.get("DATABASE", ":memory:"),
    }
}
SESSION_COOKIE_SECURE = os.environ.get("INSECURE_COOKIES") is None
STATIC_URL = "static/"
USE_TZ = True
STATIC_URL = "static/"
EVERGRANT = {
    "STORE": os.environ.get("EVERGRANT_STORE"),
    "CLIENT_ID": os.environ.get("ZOHO_CLIENT_ID"),
    "CLIENT_SECRET": os.environ.get("ZOHO_CLIENT_SECRET"),
    "REDIRECT_URL": os.environ.get("ZOHO_REDIRECT_URL"),
    "SCOPES": ["ZohoCRM.modules.ALL"],
    "KEEPER": os.environ.get("KEEPER"),
}
