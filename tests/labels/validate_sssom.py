"""Print what the standard's own library says of maps, as JSON: a list of messages for each.

Run by `test_sssom.py` in an environment that has the library.
"""

import json
import sys

from sssom.constants import SchemaValidationType
from sssom.parsers import parse_sssom_table
from sssom.validators import validate

KINDS = [SchemaValidationType.JsonSchema, SchemaValidationType.PrefixMapCompleteness]


def messages(path: str) -> list[str]:
    try:
        found = validate(parse_sssom_table(path), KINDS, fail_on_error=False)
    except Exception as error:  # noqa: BLE001 it raises many, each a map that it refuses
        return [f"{type(error).__name__}: {error}"]
    return [result.message for report in found.values() for result in report.results]


print(json.dumps({path: messages(path) for path in sys.argv[1:]}))
