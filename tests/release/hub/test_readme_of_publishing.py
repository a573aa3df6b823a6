"""What the README says of publishing is what the commands print and the three lines load."""

from __future__ import annotations

import re
import subprocess
import sys

from builds import ROOT, environment, hearten
from hub.client import REPO

README = (ROOT / "README.md").read_text("utf-8")
SECTION = README.split("## Publish, and load it")[1].split("\n## ")[0]
SHOWN = SECTION.split("<!-- publish -->")[1].split("<!-- /publish -->")[0].replace("ORG/NAME", REPO)
SAMPLE = ROOT / "builders" / "corpora" / "meld" / "sample"


def test_the_commands_and_the_three_lines_of_the_readme_run(hub, tmp_path):
    surroundings = {
        "HF_ENDPOINT": hub.url,
        "HF_TOKEN": "hf_test",
        "HF_HOME": str(tmp_path / "home"),
        "HF_HUB_DISABLE_XET": "1",
    }
    assert hearten("build", "--corpus", "meld", "--sample", cwd=tmp_path).code == 0
    publishing, hydrating = re.findall(r"\$ hearten (.+)", SHOWN)
    ended = hearten(*publishing.split(), cwd=tmp_path, **surroundings)
    assert ended.code == 0, ended.err
    printed = ended.out.splitlines()
    block = SHOWN.split("```console\n")[1].split("```")[0]
    for line in block.splitlines()[1:]:
        assert line == "[…]" or line in printed, line

    code = SHOWN.split("```python\n")[1].split("```")[0]
    assert len([line for line in code.splitlines() if line]) == 3
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=tmp_path,
        env=environment(**surroundings),
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert "'role': 'assistant'" in done.stdout

    own = hydrating.replace("MELD.Raw", str(SAMPLE)).split()
    ended = hearten(*own, cwd=tmp_path, **surroundings)
    assert ended.code == 0, ended.err
    assert "data/ is byte-identical to the build" in ended.out


def test_every_flag_of_publishing_exists():
    known = hearten("publish", "--help").out + hearten("hydrate", "--help").out
    flags = set(re.findall(r"--[a-z][a-z-]+", SECTION))
    assert flags and not [flag for flag in flags if flag not in known]
