"""What botocore makes of pairs of AWS files, and of paths: questions as JSON on standard input, answers on standard output."""

import json
import os
import sys

import botocore.configloader
import botocore.credentials
import botocore.exceptions
import botocore.session

HOME = os.environ["HOME"]
FILES = [os.path.join(HOME, name) for name in ("oracle-config", "oracle-credentials")]
os.environ["AWS_CONFIG_FILE"], os.environ["AWS_SHARED_CREDENTIALS_FILE"] = FILES


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
        return provider._load_sso_config()
    except (botocore.exceptions.InvalidConfigError, TypeError):
        return None


def read(texts):
    for path, text in zip(FILES, texts):
        with open(path, "w", newline="", encoding="utf-8") as file:
            file.write(text)
    answer = {"raw": [raw(path) for path in FILES], "profiles": None}
    if None not in answer["raw"]:
        loaded = botocore.session.Session().full_config
        answer["profiles"] = {name: sign_in(loaded, name) for name in loaded["profiles"]}
    return answer


def expanded(path):
    return os.path.expanduser(os.path.expandvars(path))


questions = json.load(sys.stdin)
json.dump(
    {
        "files": [read(texts) for texts in questions["files"]],
        "paths": [expanded(path) for path in questions["paths"]],
    },
    sys.stdout,
)
