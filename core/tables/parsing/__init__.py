"""From the bytes of a file to cells by column, before anything is said of what they mean.

`content` unpacks and decodes, `dialect` finds what stands between cells, `header` whether the first row holds names, `layout`
the rows, and `cells` parses them; `marks` says what a cell looks like. Import these modules themselves. Of the core, this
package imports `errors`, `files`, `limits` and `text`, and nothing of `tables` beside it.
"""
