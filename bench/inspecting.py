"""What a look into a large build takes: `show`, `stats`, `diff`, `.scan()`; and prompts a second.

    python bench/inspecting.py [--records 1000000] [--keep FOLDER] [--only show stats diff scan]
    python bench/inspecting.py --only prompts

Two builds are made by repeating a small one of MELD under new ids. Of the second a hundredth of the
samples is gone, as many are new, and every tenth has another reply. For each command: seconds by
the clock and by the processor until the first byte and until the end, and the highest memory in MB.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

PROJECT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(PROJECT), str(PROJECT / "tests"), str(Path(__file__).parent)]

from builds import command, described, environment, hearten  # noqa: E402
from corpus import make_corpus  # noqa: E402

from builders.record.dataset import Build  # noqa: E402
from builders.record.folder import write_json  # noqa: E402
from builders.record.parquet import SHARD_ROWS, TEXT_GROUP_ROWS, open_writer  # noqa: E402

SMALL = 10_000
CONDITION = "emotion = 'anger' and reply_words < 12"
RARE = "text like '%telephone%' and array_contains(strategies, 'validation')"


def make_build(small: Path, folder: Path, records: int, changed: bool) -> None:
    """Write a build of so many records, which repeats a small one under new ids."""
    table = pa.concat_tables(Build(small).groups()).combine_chunks()
    shards = -(-records // SHARD_ROWS)
    (folder / "data").mkdir(parents=True)
    for number in range(shards):
        start = number * SHARD_ROWS + (records // 100 if changed else 0)
        rows = range(start, min(start + SHARD_ROWS, start + records - number * SHARD_ROWS))
        part = table.take(pa.array([row % len(table) for row in rows]))
        ids = pa.array([f"meld-train-{row // 10}-{row % 10}" for row in rows])
        part = part.set_column(part.schema.get_field_index("id"), "id", ids)
        part = _with_other_replies(part, [row % 10 == 0 for row in rows]) if changed else part
        path = folder / f"data/train-{number:05d}-of-{shards:05d}.parquet"
        with open_writer(path, part.schema) as writer:
            writer.write_table(part, row_group_size=TEXT_GROUP_ROWS)
    (folder / "rejected.parquet").write_bytes((small / "rejected.parquet").read_bytes())
    counts = {"read": records, "kept": records, "rejected": 0, "not_selected": 0}
    splits = {"train": {"read": records, "kept": records, "rejected": {}, "not_selected": {}}}
    result = {"name": folder.name, "counts": counts, "splits": splits, "rejected": {}, "files": []}
    known = Build(small).manifest["result"]
    write_json(folder / "manifest.json", described(folder, {"result": {**known, **result}}))


def _with_other_replies(part: pa.Table, which: list[bool]) -> pa.Table:
    reply = part.column("desired_response").combine_chunks()
    texts = reply.field("text")
    other = pc.binary_join_element_wise(texts, "I hear you.", " ")
    texts = pc.if_else(pa.array(which), other, texts)
    fields = [reply.type.field(n) for n in range(reply.type.num_fields)]
    parts = [texts if one.name == "text" else reply.field(one.name) for one in fields]
    made = pa.StructArray.from_arrays(parts, fields=fields)
    at = part.schema.get_field_index("desired_response")
    return part.set_column(at, "desired_response", made)


def measure(name: str, arguments: Sequence[object], folder: Path) -> None:
    """Run a command and print what it took."""
    began = time.perf_counter()
    process = subprocess.Popen(
        command(*arguments), stdout=subprocess.PIPE, cwd=folder, env=environment()
    )
    if process.stdout is None:
        raise RuntimeError("no output")
    process.stdout.read(1)
    first, of_first = time.perf_counter() - began, _cpu_so_far(process.pid)
    process.stdout.read()
    _, _, used = os.wait4(process.pid, 0)
    took = time.perf_counter() - began
    cpu = used.ru_utime + used.ru_stime
    memory = used.ru_maxrss / 1024
    print(
        f"{name:32} first {first:6.2f} s (cpu {of_first:5.2f})  "
        f"all {took:6.2f} s (cpu {cpu:5.2f})  {memory:6.0f} MB"
    )


def _cpu_so_far(process: int) -> float:
    """Return the seconds of the processor that a running process has taken."""
    fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def look(folder: Path, records: int, only: Sequence[str]) -> None:
    """Measure the commands on two builds in a folder, which are made if they are not there."""
    if not (folder / "B/manifest.json").is_file():
        make_corpus(folder / "corpus", SMALL)
        told = ("build", "--corpus", "meld", "--source", folder / "corpus", "--text-only")
        ended = hearten(*told, "--output", folder, "--name", "small")
        if ended.code:
            raise RuntimeError(ended.err)
        for name in "AB":
            make_build(folder / "small", folder / name, records, changed=name == "B")
    commands = {
        "show": (
            ("show", ("show", "A")),
            ("show --sample 20", ("show", "A", "--sample", 20)),
            ("show ID", ("show", "A", f"meld-train-{records // 20}-3")),
            ("show --where, common", ("show", "A", "--where", CONDITION)),
            ("show --where, none", ("show", "A", "--where", RARE + " and words > 999")),
        ),
        "stats": (("stats", ("stats", "A")),),
        "diff": (("diff", ("diff", "A", "B")),),
    }
    for group, rows in commands.items():
        for name, arguments in rows if group in only else ():
            measure(name, arguments, folder)
    if "scan" in only:
        scan(Build(folder / "A", footers=False))


def scan(build: Build) -> None:
    """Print what is read for some columns, of all bytes of the build."""
    whole = sum(file.stat().st_size for file in build.shards())
    for columns in (["id"], ["emotion", "agreement"], ["id", "text", "reply"]):
        before, began = _bytes_read(), time.process_time()
        build.scan().select(columns).collect()
        read, took = _bytes_read() - before, time.process_time() - began
        share = f"{read / 2**20:6.0f} of {whole / 2**20:.0f} MB"
        print(f"scan {', '.join(columns):28} {share}  cpu {took:.2f} s")


def _bytes_read() -> int:
    lines = Path("/proc/self/io").read_text().splitlines()
    return int(next(line.split()[1] for line in lines if line.startswith("rchar")))


def prompts(folder: Path) -> None:
    """Print how many prompts a second one more thousand takes, by processor time."""
    make_corpus(folder, SMALL)
    times = {}
    for limit in (1000, 5000):
        told = ("prompt", "--corpus", "meld", "--source", folder, "--text-only", "--json")
        began = time.perf_counter()
        with open(os.devnull, "w") as nowhere:
            surroundings = environment() | {
                "HEARTEN_PLAN": "hash",
                "HEARTEN_DEMONSTRATIONS": "ours",
            }
            process = subprocess.Popen(
                command(*told, "--limit", limit), stdout=nowhere, env=surroundings
            )
            _, _, used = os.wait4(process.pid, 0)
        times[limit] = used.ru_utime + used.ru_stime
        print(f"{limit} prompts: {times[limit]:.2f} s of CPU, {time.perf_counter() - began:.2f} s")
    print(f"{4000 / (times[5000] - times[1000]):,.0f} prompts a second")


def main() -> None:
    """Measure what was asked for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--records", type=int, default=1_000_000)
    parser.add_argument("--keep", type=Path, help="where the builds are, or are to stay")
    parser.add_argument("--only", nargs="*", default=["show", "stats", "diff", "scan", "prompts"])
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        if {"show", "stats", "diff", "scan"} & {*given.only}:
            look(given.keep or Path(scratch), given.records, given.only)
        if "prompts" in given.only:
            prompts(Path(scratch, "prompts"))


if __name__ == "__main__":
    main()
