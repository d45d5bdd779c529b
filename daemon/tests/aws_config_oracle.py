"""What botocore makes of AWS configuration files: questions as JSON on standard input, answers on standard output."""

import json
import os
import sys

import botocore.configloader
import botocore.credentials
import botocore.exceptions
import botocore.loaders
import botocore.session
import botocore.utils

LOADER = botocore.loaders.create_loader()
CONFIG = os.path.join(os.environ["HOME"], "oracle-config")


def write(text):
    with open(CONFIG, "w", newline="") as file:
        file.write(text)
    os.environ["AWS_CONFIG_FILE"] = CONFIG


def sign_in(loaded, profile):
    provider = botocore.credentials.SSOProvider(
        load_config=lambda: loaded, client_creator=None, profile_name=profile
    )
    try:
        return provider._load_sso_config()
    except botocore.exceptions.InvalidConfigError:
        return None


def read(text):
    write(text)
    loaded = botocore.configloader.load_config(CONFIG)
    sessions = {}
    for name, section in loaded["sso_sessions"].items():
        sessions[name] = dict(section)
        if "sso_registration_scopes" in section:
            scopes = section["sso_registration_scopes"].split(",")
            sessions[name]["scopes"] = [scope.strip() for scope in scopes if scope.strip()]
    profiles = {name: sign_in(loaded, name) for name in loaded["profiles"]}
    for found in filter(None, profiles.values()):
        found["token_file"] = token_file(found)
    return {"sso_sessions": sessions, "profiles": profiles}


def token_file(found):
    cache = {}
    key = botocore.utils.SSOTokenLoader(cache=cache)._generate_cache_key(
        found["sso_start_url"], found.get("sso_session")
    )
    return key + ".json"


def endpoint(session, service, operation, region):
    client = session.create_client(service, region_name=region)
    resolved = client._ruleset_resolver.construct_endpoint(
        operation_model=client.meta.service_model.operation_model(operation),
        call_args={},
        request_context={},
    )
    return resolved.url.rstrip("/")


def endpoints(question):
    write(question["file"])
    os.environ.update(question["variables"])
    session = botocore.session.Session()
    session.register_component("data_loader", LOADER)
    try:
        return [
            endpoint(session, "sso-oidc", "RegisterClient", question["region"]),
            endpoint(session, "sso", "Logout", question["region"]),
        ]
    finally:
        for name in question["variables"]:
            del os.environ[name]


questions = json.load(sys.stdin)
json.dump(
    {
        "files": [read(text) for text in questions["files"]],
        "endpoints": [endpoints(question) for question in questions["endpoints"]],
    },
    sys.stdout,
)
