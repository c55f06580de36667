from crm.services import zoho_request

print(zoho_request("GET", "/crm/v8/Leads?fields=Last_Name").status_code)
