"""Parts that several pages share: figures with text and downloads, the choice of a run, the foot of the sidebar."""
