"""Makes what is handed in: one ZIP with the notebook and the report, and the video's script."""
