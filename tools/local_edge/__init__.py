"""The shop's one public origin on a laptop, in the place of CloudFront."""
