"""Gets role credentials as an application does, and prints their key id."""

import botocore.session

print(botocore.session.Session().get_credentials().get_frozen_credentials().access_key)
