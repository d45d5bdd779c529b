"""Judges the OpenAPI document, and JSON by its schemas: {"document", "cases": [[schema, value]]} in, verdicts out."""

import json
import re
import sys

from jsonschema import Draft202012Validator, FormatChecker
from openapi_spec_validator import validate

questions = json.load(sys.stdin)
document = questions["document"]
validate(document)

formats = FormatChecker(formats=())
time = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")
formats.checks("date-time")(lambda value: not isinstance(value, str) or time.fullmatch(value) is not None)


def is_valid(schema, value):
    root = {"$ref": f"#/components/schemas/{schema}", "components": document["components"]}
    return Draft202012Validator(root, format_checker=formats).is_valid(value)


json.dump([is_valid(schema, value) for schema, value in questions["cases"]], sys.stdout)
