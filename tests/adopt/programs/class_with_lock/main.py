import os

import requests

from zoho.auth import ZohoAuth

auth = ZohoAuth()
url = os.environ["ZOHO_API_DOMAIN"] + "/crm/v8/Leads"
print(requests.get(url, params={"fields": "Last_Name"}, headers=auth.headers()).status_code)
