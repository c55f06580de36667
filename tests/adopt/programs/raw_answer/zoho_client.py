"""Reads the leads of Zoho CRM; tokens are in zoho_tokens.json, as Zoho sent them."""

import json
import os
from pathlib import Path

import requests

TOKENS = Path(__file__).parent / "zoho_tokens.json"


def refresh():
    tokens = json.loads(TOKENS.read_text())
    url = f"{os.environ['ZOHO_ACCOUNTS_URL']}/oauth/v2/token"
    payload = {
        "refresh_token": tokens["refresh_token"],
        "client_id": os.environ["ZOHO_CLIENT_ID"],
        "client_secret": os.environ["ZOHO_CLIENT_SECRET"],
        "grant_type": "refresh_token",
    }
    r = requests.post(url, data=payload, timeout=30)
    r.raise_for_status()
    tokens.update(r.json())
    TOKENS.write_text(json.dumps(tokens))
    return tokens


def call(path):
    token = refresh()["access_token"]
    base = os.environ["ZOHO_API_DOMAIN"]
    return requests.get(base + path, headers={"Authorization": f"Zoho-oauthtoken {token}"}, timeout=30)


if __name__ == "__main__":
    print(call("/crm/v8/Leads?fields=Last_Name").status_code)
