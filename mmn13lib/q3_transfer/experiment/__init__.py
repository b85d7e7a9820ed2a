"""The whole experiment, step by step, stored. Uses data, models, results and training."""
