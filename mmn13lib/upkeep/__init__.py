"""``mmn13 check`` and ``mmn13 clean``. Uses everything but submission."""
