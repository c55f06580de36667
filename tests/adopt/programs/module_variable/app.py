import os
import time

import requests
from dotenv import load_dotenv

load_dotenv()

ACCOUNTS_URL = os.getenv("ZOHO_ACCOUNTS_URL", "https://accounts.zoho.com")
API_DOMAIN = os.getenv("ZOHO_API_DOMAIN", "https://www.zohoapis.com")

_access_token = None
_expires_at = 0


def get_access_token():
    """Get a valid access token, refreshing it if needed."""
    global _access_token, _expires_at
    if _access_token and time.time() < _expires_at - 60:
        return _access_token
    response = requests.post(
        f"{ACCOUNTS_URL}/oauth/v2/token",
        params={
            "refresh_token": os.getenv("ZOHO_REFRESH_TOKEN"),
            "client_id": os.getenv("ZOHO_CLIENT_ID"),
            "client_secret": os.getenv("ZOHO_CLIENT_SECRET"),
            "grant_type": "refresh_token",
        },
    )
    data = response.json()
    if "access_token" not in data:
        raise Exception(f"Failed to refresh token: {data}")
    _access_token = data["access_token"]
    _expires_at = time.time() + data.get("expires_in", 3600)
    return _access_token


def get_leads():
    headers = {"Authorization": f"Zoho-oauthtoken {get_access_token()}"}
    return requests.get(f"{API_DOMAIN}/crm/v8/Leads?fields=Last_Name", headers=headers)


if __name__ == "__main__":
    print(get_leads().status_code)
