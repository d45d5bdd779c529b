"""What botocore makes of the environment it is started in.

Prints one line of JSON for each set of credentials; access key ids are no secrets, and nothing else of them is printed.

    once PROFILE    the credentials of a profile ("-": of none)
    renew PROFILE   the same, and again when they have become others
"""

import json
import sys
import time

import botocore.session


def show(credentials):
    frozen = credentials.get_frozen_credentials()
    seen = {"method": credentials.method, "key": frozen.access_key, "account": frozen.account_id}
    print(json.dumps(seen), flush=True)
    return frozen.access_key


task, profile = sys.argv[1:]
session = botocore.session.Session(profile=None if profile == "-" else profile)
credentials = session.get_credentials()
if credentials is None:
    sys.exit("botocore found no credentials")
first = show(credentials)
while task == "renew" and credentials.get_frozen_credentials().access_key == first:
    time.sleep(0.1)
if task == "renew":
    show(credentials)
