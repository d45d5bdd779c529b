"""What botocore makes of environments: a list of questions as JSON on standard input, a list of answers on standard output.

{"environment": {...}, "profile": NAME or null, "want": "role"}  the account and role that the profile in question has
{"environment": {...}, "want": "key"}                            the access key id that a program would sign with
"""

import json
import os
import sys

import botocore.session


def answer(question):
    os.environ.clear()
    os.environ.update(question["environment"])
    try:
        session = botocore.session.Session(profile=question.get("profile"))
        if question["want"] == "role":
            config = session.get_scoped_config()
            return [config.get("sso_account_id"), config.get("sso_role_name")]
        credentials = session.get_credentials()
        return credentials and credentials.get_frozen_credentials().access_key
    except Exception as error:
        return {"error": repr(error)}


json.dump([answer(question) for question in json.load(sys.stdin)], sys.stdout)
