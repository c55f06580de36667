import json
import os
import time
import urllib.parse
import urllib.request

TOKEN_FILE = "zoho_token.json"
TOKEN_URL = os.environ["ZOHO_ACCOUNTS_URL"] + "/oauth/v2/token"


def load_tokens():
    with open(TOKEN_FILE) as f:
        return json.load(f)


def save_tokens(tokens):
    with open(TOKEN_FILE, "w") as f:
        json.dump(tokens, f, indent=2)


def refresh_access_token(refresh_token):
    body = urllib.parse.urlencode(
        {
            "grant_type": "refresh_token",
            "client_id": os.environ["ZOHO_CLIENT_ID"],
            "client_secret": os.environ["ZOHO_CLIENT_SECRET"],
            "refresh_token": refresh_token,
        }
    ).encode()
    with urllib.request.urlopen(TOKEN_URL, data=body) as response:
        return json.load(response)


def get_valid_token():
    tokens = load_tokens()
    if time.time() >= tokens["expires_at"] - 300:
        fresh = refresh_access_token(tokens["refresh_token"])
        tokens["access_token"] = fresh["access_token"]
        tokens["expires_at"] = time.time() + fresh["expires_in"]
        save_tokens(tokens)
    return tokens["access_token"]


def main():
    request = urllib.request.Request(
        os.environ["ZOHO_API_DOMAIN"] + "/crm/v8/Leads?fields=Last_Name",
        headers={"Authorization": "Zoho-oauthtoken " + get_valid_token()},
    )
    with urllib.request.urlopen(request) as response:
        print(response.status)


if __name__ == "__main__":
    main()
