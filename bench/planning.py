"""What plans do beside what people do, and how long a plan takes.

    python bench/planning.py [--corpus meld] [--persona assistant]

Plans the reply to every target of MELD, EmoryNLP and CREMA-D (HEARTEN_REAL_DATA says where they
lie; else of the samples). For each coarse label it prints, in percent, the plans under each heading
of label_maps/planning/_measured.tsv and people's replies (_people.tsv); a ! marks ten points and
more between them, and the exit code is 1 where that is so of 300 plans or more. Of labels for which
nobody counted what people do, only the plans are shown. Then the same of replies with one act, the
commonest sequence of two acts, the shares of the length bands, and plans a second.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from builders import resources  # noqa: E402 - needs the path
from builders.pipeline.plan import make_plan  # noqa: E402
from builders.record.manifest import Ledger  # noqa: E402
from builders.record.planned_reply import PlannedReply  # noqa: E402
from builders.record.types import Target  # noqa: E402
from builders.settings import make_config  # noqa: E402
from builders.tasks.reply.planning import Planner  # noqa: E402
from builders.tasks.reply.planning_tables import load_plan_tables  # noqa: E402

REAL = {"meld": (), "emorynlp": ("dev",), "crema_d": ()}
POINTS = 10.0
FEWEST = 300


def source(slug: str) -> Path:
    """Return where a corpus lies: its real files, else its sample."""
    real = Path(os.environ.get("HEARTEN_REAL_DATA", "/"), slug)
    return real if real.is_dir() else resources.corpora() / slug / "sample"


def targets(slug: str, persona: str) -> Iterator[Target]:
    """Yield all targets of a corpus, as a build without clips has them."""
    splits = REAL[slug] if source(slug).name == slug else ()
    told = {"text_only": True, "persona": persona, "splits": splits, "output": Path("/nowhere")}
    plan = make_plan(make_config(corpus=slug, source=source(slug), name="bench", **told))
    return (one for one in plan.targets(Ledger()) if isinstance(one, Target))


def shares(plans: Sequence[PlannedReply]) -> dict[str, float]:
    """Return in how many of a hundred plans there is something of each heading."""
    found = {}
    for heading in load_plan_tables().headings:
        doing = sum(not set(plan.strategies).isdisjoint(heading.strategies) for plan in plans)
        found[heading.name] = 100 * doing / len(plans)
    return found


def compared(root: str, plans: Sequence[PlannedReply]) -> tuple[str, bool]:
    """Return a line about the plans for a coarse label, and whether one heading is too far off."""
    tables = load_plan_tables()
    rates, counted = tables.rates(root), bool(tables.counted_for(root))
    parts, wrong = [], False
    for name, share in shares(plans).items():
        heading = next(one for one in tables.headings if one.name == name)
        people = sum(rates[act] for act in heading.acts)
        far = counted and abs(share - people) > POINTS
        wrong |= far
        parts.append(f"{name} {share:.0f}" + (f"/{people:.0f}{'!' * far}" if counted else ""))
    return ", ".join(parts), wrong


def main() -> int:
    """Print the tables; return 1 where plans are more than ten points from people."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--corpus", choices=REAL, action="append")
    parser.add_argument("--persona", choices=("assistant", "addressee"), default="assistant")
    told = parser.parse_args()
    planner, wrong = Planner(), False
    for slug in told.corpus or REAL:
        plans: dict[str, list[PlannedReply]] = defaultdict(list)
        every = list(targets(slug, told.persona))
        begun = time.process_time()
        for target in every:
            if plan := planner.plan_for(target):
                plans[target.emotions.root].append(plan)
        rate = len(every) / (time.process_time() - begun)
        print(f"{slug}: {len(every):,} targets, {rate:,.0f} plans a second of processor time")
        for root, of in sorted(plans.items(), key=lambda pair: -len(pair[1])):
            line, far = compared(root, of)
            wrong |= far and len(of) >= FEWEST
            print(f"  {root} ({len(of):,}): {line}")
            print(f"    {described(of)}")
    return int(wrong)


def described(plans: Sequence[PlannedReply]) -> str:
    """Return how many plans have two acts, the commonest such sequence, and the lengths."""
    single = shares([one for one in plans if len(one.strategies) == 1] or plans)
    two = Counter(plan.strategies for plan in plans if len(plan.strategies) > 1)
    bands = Counter(plan.words for plan in plans)
    told = [
        f"one act alone: {', '.join(f'{name} {share:.0f}' for name, share in single.items())}",
        f"two acts {100 * two.total() / len(plans):.0f}",
        *(f"{' then '.join(n)} {100 * c / len(plans):.0f}" for n, c in two.most_common(1)),
        *(
            f"{low}-{high} words {100 * n / len(plans):.0f}"
            for (low, high), n in sorted(bands.items())
        ),
    ]
    return "; ".join(told)


if __name__ == "__main__":
    sys.exit(main())
