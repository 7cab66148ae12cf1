"""The commands of `./shop`, one module each; `shopctl.cli.main` registers them."""
