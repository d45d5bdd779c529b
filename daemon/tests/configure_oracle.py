"""What botocore makes of AWS configuration files: paths as JSON on standard input, answers on standard output. Commands are split
as botocore would split them. A file that it refuses has no answer."""

import configparser
import json
import sys

import botocore.compat
import botocore.configloader
import botocore.exceptions


def read(path):
    try:
        loaded = botocore.configloader.load_config(path)
    except botocore.exceptions.ConfigParseError:
        return None
    for profile in loaded["profiles"].values():
        if isinstance(profile.get("credential_process"), str):
            try:
                profile["credential_process"] = botocore.compat.compat_shell_split(profile["credential_process"])
            except ValueError:
                pass
    loaded.setdefault("sso_sessions", {})
    parser = configparser.RawConfigParser(default_section="DEFAULT")
    parser.read(path, encoding="utf-8")
    return {"loaded": loaded, "defaults": {key: group(value) for key, value in parser.defaults().items()}}


def group(value):
    try:
        return botocore.configloader._parse_nested(value) if value.startswith("\n") else value
    except ValueError:
        return value


json.dump([read(path) for path in json.load(sys.stdin)], sys.stdout)
