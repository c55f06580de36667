#!/usr/bin/env python3
import os
import sys

import requests

ORG_ID = os.environ["ZOHO_ORG_ID"]
BASE_URL = os.environ.get("ZOHO_BASE_URL", "https://www.zohoapis.com/books/v3")


def fetch_token():
    resp = requests.post(
        os.environ["ZOHO_TOKEN_URL"],
        data={
            "refresh_token": os.environ["ZOHO_REFRESH_TOKEN"],
            "client_id": os.environ["ZOHO_CLIENT_ID"],
            "client_secret": os.environ["ZOHO_CLIENT_SECRET"],
            "redirect_uri": "http://localhost:8080/callback",
            "grant_type": "refresh_token",
        },
    )
    if resp.status_code != 200:
        sys.exit("no token from Zoho")
    return resp.json().get("access_token")


def list_invoices(token):
    return requests.get(
        f"{BASE_URL}/invoices",
        params={"organization_id": ORG_ID},
        headers={"Authorization": "Zoho-oauthtoken " + token},
    )


print(list_invoices(fetch_token()).status_code)
