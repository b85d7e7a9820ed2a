"""The ZIP to hand in and the video's script. Uses rendering and all below it."""
