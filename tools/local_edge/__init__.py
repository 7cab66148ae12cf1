"""The shop's one public origin on a laptop: what CloudFront is in front of AWS."""
