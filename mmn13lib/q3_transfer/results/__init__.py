"""What an experiment gives: records, metrics, significance. Uses data."""

FILE = "results.safetensors"
