"""Stages on AWS, as a team has them: `staging` with test payments, `prod` with gradual releases."""

from shopctl.project import stages
from support.paths import SAMPLE_STAGES

STAGING = stages.load(SAMPLE_STAGES, "staging")
PROD = stages.load(SAMPLE_STAGES, "prod")
