"""What runs around the pipeline: the local stack, container images, monitoring."""
