import requests

from config import settings

cache = {}


def get_zoho_token(force=False):
    token = cache.get("zoho_access_token")
    if token and not force:
        return token

    conf = settings.ZOHO
    response = requests.post(
        "%s/oauth/v2/token" % conf["ACCOUNTS_URL"],
        data={
            "client_id": conf["CLIENT_ID"],
            "client_secret": conf["CLIENT_SECRET"],
            "refresh_token": conf["REFRESH_TOKEN"],
            "grant_type": "refresh_token",
        },
        timeout=15,
    )
    token = response.json()["access_token"]
    cache["zoho_access_token"] = token
    return token


def zoho_request(method, path, **kwargs):
    url = settings.ZOHO["API_DOMAIN"] + path
    headers = {"Authorization": "Zoho-oauthtoken " + get_zoho_token()}
    response = requests.request(method, url, headers=headers, timeout=30, **kwargs)
    if response.status_code == 401:
        headers["Authorization"] = "Zoho-oauthtoken " + get_zoho_token(force=True)
        response = requests.request(method, url, headers=headers, timeout=30, **kwargs)
    return response
