"""Signs in with botocore's client, has botocore write its token file, and prints the access token."""

import datetime
import os

import botocore.session
import botocore.utils

session = botocore.session.Session()
section = session.full_config["sso_sessions"]["corp"]
client = session.create_client("sso-oidc", region_name=section["sso_region"])
registration = client.register_client(
    clientName="botocore-client-corp", clientType="public", scopes=["sso:account:access"]
)
identity = {key: registration[key] for key in ("clientId", "clientSecret")}
authorization = client.start_device_authorization(startUrl=section["sso_start_url"], **identity)
token = client.create_token(
    grantType="urn:ietf:params:oauth:grant-type:device_code", deviceCode=authorization["deviceCode"], **identity
)


def time(seconds):
    return datetime.datetime.fromtimestamp(seconds, datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")


now = datetime.datetime.now(datetime.timezone.utc).timestamp()
cache = botocore.utils.JSONFileCache(os.path.expanduser("~/.aws/sso/cache"))
botocore.utils.SSOTokenLoader(cache=cache).save_token(
    section["sso_start_url"],
    {
        "startUrl": section["sso_start_url"],
        "region": section["sso_region"],
        "accessToken": token["accessToken"],
        "expiresAt": time(now + token["expiresIn"]),
        "refreshToken": token["refreshToken"],
        "registrationExpiresAt": time(registration["clientSecretExpiresAt"]),
        **identity,
    },
    session_name="corp",
)
print(token["accessToken"])
