"""What several pages share: figures with their words and downloads, the choice of a run, the foot of the sidebar."""
