import os

DEBUG = False
ZOHO = {
    "CLIENT_ID": os.environ.get("ZOHO_CLIENT_ID", ""),
    "CLIENT_SECRET": os.environ.get("ZOHO_CLIENT_SECRET", ""),
    "REFRESH_TOKEN": os.environ.get("ZOHO_REFRESH_TOKEN", ""),
    "ACCOUNTS_URL": os.environ.get("ZOHO_ACCOUNTS_URL", "https://accounts.zoho.com"),
    "API_DOMAIN": os.environ.get("ZOHO_API_DOMAIN", "https://www.zohoapis.com"),
}
