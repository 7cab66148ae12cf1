"""Entry point: ``python …/shopctl/launcher --port PORT --home DIRECTORY [--auth]``."""

import sys
from pathlib import Path

sys.path[0] = str(Path(__file__).resolve().parents[2])

from shopctl.launcher.serve import main  # noqa: E402

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
