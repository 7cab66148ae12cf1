"""The commands of `./shop`, by what they are about; `shopctl.cli` puts them together."""
