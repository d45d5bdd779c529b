"""What botocore makes of pairs of AWS files, of paths and of endpoint settings: questions as JSON on standard input, answers on
standard output."""

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
HOME = os.environ["HOME"]
FILES = [os.path.join(HOME, name) for name in ("oracle-config", "oracle-credentials")]
os.environ["AWS_CONFIG_FILE"], os.environ["AWS_SHARED_CREDENTIALS_FILE"] = FILES


def write(texts):
    for path, text in zip(FILES, texts):
        with open(path, "w", newline="", encoding="utf-8") as file:
            file.write(text)


def raw(path):
    try:
        return botocore.configloader.raw_config_parse(path)
    except botocore.exceptions.ConfigParseError:
        return None


def sign_in(loaded, profile):
    provider = botocore.credentials.SSOProvider(
        load_config=lambda: loaded, client_creator=None, profile_name=profile
    )
    try:
        found = provider._load_sso_config()
    except (botocore.exceptions.InvalidConfigError, TypeError):
        return None
    if found:
        found["token_file"] = token_file(found)
    return found


def token_file(found):
    loader = botocore.utils.SSOTokenLoader(cache={})
    return loader._generate_cache_key(found.get("sso_start_url"), found.get("sso_session")) + ".json"


def read(texts):
    write(texts)
    answer = {"raw": [raw(path) for path in FILES], "profiles": {}, "sso_sessions": {}}
    if None not in answer["raw"]:
        loaded = botocore.session.Session().full_config
        answer["profiles"] = {name: sign_in(loaded, name) for name in loaded["profiles"]}
        answer["sso_sessions"] = loaded["sso_sessions"]
    return answer


def expanded(path):
    return os.path.expanduser(os.path.expandvars(path))


def endpoint(session, service, operation, region):
    client = session.create_client(service, region_name=region)
    resolved = client._ruleset_resolver.construct_endpoint(
        operation_model=client.meta.service_model.operation_model(operation),
        call_args={},
        request_context={},
    )
    return resolved.url.rstrip("/")


def endpoints(question):
    write([question["file"], ""])
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


KINDS = {"files": read, "paths": expanded, "endpoints": endpoints}
kind, questions = json.load(sys.stdin)
json.dump([KINDS[kind](question) for question in questions], sys.stdout)
