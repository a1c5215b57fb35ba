"""What the pages about leaves show of one run: the view, the choice of a node, and the sections of Leaves."""
