"""The large map in words: its answers as Markdown, and what its figure shows."""
