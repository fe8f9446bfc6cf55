"""`python bench/identity/generate.py FOLDER`: two legacy extracts of an authority, and the truth about them."""

import argparse
from pathlib import Path

from extract import write


def main() -> None:
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("folder", type=Path)
    asked.add_argument("--children", type=int, default=100_000)
    asked.add_argument("--seed", type=int, default=1)
    told = asked.parse_args()
    write(told.folder, told.children, told.seed)


if __name__ == "__main__":
    main()
