"""Entry point: ``python -m shopctl``."""

import sys

if __name__ == "__main__":
    try:
        # imported here, because Ctrl-C may come during the imports, too
        from shopctl.cli.main import main

        main()
    except KeyboardInterrupt:
        sys.exit(130)
