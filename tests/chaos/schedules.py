"""Runs schedules by the thousand: ``python tests/chaos/schedules.py --count 2000``, or one of them: ``--seed 1533``.

Prints the seeds whose invariants broke, what broke, and the command that replays each; exit code 1 when there are any.
"""

import argparse
import multiprocessing
import os
import sys
import tempfile
import traceback
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

import invariants
import simulation
from random_schedule import schedule_of

MEMORY = Path("/dev/shm")


def run(seed: int, *, show: bool = False) -> tuple[int, list[str], int]:
    """Seed, broken invariants, and how many executions there were."""
    folder = MEMORY if MEMORY.is_dir() and os.access(MEMORY, os.W_OK) else None
    with tempfile.TemporaryDirectory(dir=folder) as place:
        made = simulation.Simulation(schedule_of(seed), Path(place))
        try:
            made.run()
            found = invariants.problems(made)
        except Exception:  # noqa: BLE001 - whatever it is, its seed must be told
            found = [traceback.format_exc()]
        finally:
            made.close()
        if show:
            print(made.plan, *made.told(), sep="\n")
    return seed, found, len(made.account.fills)


def main() -> int:
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, help="only this one, with everything that happens")
    parser.add_argument("--first", type=int, default=1)
    parser.add_argument("--count", type=int, default=2000)
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    given = parser.parse_args()
    simulation.core()
    if given.seed is not None:
        _, found, _ = run(given.seed, show=True)
        print(*found, sep="\n")
        return bool(found)
    seeds = range(given.first, given.first + given.count)
    bad = executions = 0
    with multiprocessing.get_context("fork").Pool(given.jobs) as pool:
        for seed, found, fills in pool.imap_unordered(run, seeds, chunksize=8):
            executions += fills
            if found:
                bad += 1
                print(
                    f"seed {seed}: {' | '.join(found)}\n  replay: make chaos SEED={seed}",
                    flush=True,
                )
    print(f"{given.count} schedules, {executions} executions, {bad} broken")
    return bool(bad)


if __name__ == "__main__":
    sys.exit(main())
