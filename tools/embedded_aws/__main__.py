"""Entry point: ``python tools/embedded_aws --port PORT --home DIRECTORY [--auth]``."""

import sys
from pathlib import Path

sys.path[0] = str(Path(__file__).resolve().parents[1])

from embedded_aws.server import main  # noqa: E402

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
