"""From the bytes of a file to cells by column, before anything is said of what they mean.

`content` unpacks and decodes, `dialect` finds what stands between cells, `header` whether the first row holds names, `layout`
the rows, `comments` what is none, and `cells` parses them; `marks` says what a cell looks like, `numbers` how it is a number,
`marked` reads a column of them, and `gathered` holds one of texts. Import these modules themselves. Of the core, this
package imports `errors`, `files`, `limits` and `text`, and nothing of `tables` beside it.
"""
