"""The views of the Compare page, one file each: `show(found)` draws the selection."""
