"""How many letters a language without spaces needs for what English says in five words.

    python bench/letters.py DJANGO.whl

Compares the messages of Django (BSD-3-Clause; `pip download --no-deps django`) with their
translations; those with placeholders or Latin words are left out.
"""

from __future__ import annotations

import gettext
import io
import re
import sys
import zipfile

LANGUAGES = ("zh_Hans", "zh_Hant", "ja", "th", "km", "my")


def main() -> None:
    """Print the number of letters for each language."""
    with zipfile.ZipFile(sys.argv[1]) as wheel:
        files = [name for name in wheel.namelist() if name.endswith("django.mo")]
        for language in LANGUAGES:
            messages = words = letters = 0
            for name in (name for name in files if f"/locale/{language}/" in name):
                catalog = gettext.GNUTranslations(io.BytesIO(wheel.read(name)))._catalog
                for english, other in catalog.items():
                    if not isinstance(english, str) or re.search(r"[%<{]", english):
                        continue
                    said = len(re.findall(r"[A-Za-z']+", english))
                    if said < 3 or not other or re.search("[A-Za-z]{3}", other):
                        continue
                    messages, words = messages + 1, words + said
                    letters += len(re.findall(r"\w", other))
            print(f"{language}: {5 * letters / words:.1f} letters, {messages} messages")


if __name__ == "__main__":
    main()
