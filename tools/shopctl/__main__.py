"""Entry point: ``python -m shopctl``."""

from shopctl.cli.main import main

if __name__ == "__main__":
    main()
