"""A report beside an app with Zoho's SDK, from whose token file it takes the grant."""

import csv
import json
import os
from urllib.parse import urlencode
from urllib.request import Request, urlopen


def first_row():
    with open("zohooauth_tokens.txt", newline="") as file:
        return next(csv.DictReader(file))


def access_token():
    row = first_row()
    query = urlencode(
        {
            "refresh_token": row["refresh_token"],
            "client_id": row["client_id"],
            "client_secret": row["client_secret"],
            "grant_type": "refresh_token",
        }
    )
    request = Request(f"{os.environ['ZOHO_ACCOUNTS_URL']}/oauth/v2/token?{query}", method="POST")
    with urlopen(request) as answer:
        token = json.load(answer)["access_token"]
    return token


headers = {"Authorization": f"Zoho-oauthtoken {access_token()}"}
url = os.environ["ZOHO_API_DOMAIN"] + "/crm/v8/Leads?fields=Last_Name"
with urlopen(Request(url, headers=headers)) as leads:
    print(leads.status)
