"""The contents of a page: a list of its headings, each with an address."""

from __future__ import annotations

import re

PLACE = "<!-- contents -->"
_HEADING = re.compile(r"<h2>(.*?)</h2>")


def with_contents(page: str) -> str:
    """Return a page with links to its second-level headings at `PLACE`."""
    headings: list[str] = _HEADING.findall(page)
    rows = "".join(
        f'<li><a href="#part-{number}">{heading}</a></li>\n'
        for number, heading in enumerate(headings, 1)
    )
    listed = f'<nav aria-label="Contents">\n<ul class="contents">\n{rows}</ul>\n</nav>'
    numbers = iter(range(1, len(headings) + 1))
    linked = _HEADING.sub(lambda one: f'<a id="part-{next(numbers)}"></a>{one[0]}', page)
    return linked.replace(PLACE, listed, 1)
