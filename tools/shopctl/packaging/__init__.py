"""Builds what each service deploys: one zip with byte-code and one CloudFormation template."""
