"""Naive writers of ALTO, PAGE and hOCR, to read back."""

from __future__ import annotations

from xml.sax.saxutils import escape, quoteattr

WordBox = tuple[str, tuple[int, int, int, int]]
"""A word and its box: left, top, width, height."""
Blocks = list[list[list[WordBox]]]
"""Blocks of lines of words."""

ALTO = "http://www.loc.gov/standards/alto/ns-v{}#"
PAGE = "http://schema.primaresearch.org/PAGE/gts/pagecontent/{}"


def alto(blocks: Blocks, version: int = 4, spaces: bool = True) -> bytes:
    def line(words: list[WordBox]) -> str:
        strings = [
            f'<String HPOS="{x}" VPOS="{y}" WIDTH="{w}" HEIGHT="{h}" CONTENT={quoteattr(text)}/>'
            for text, (x, y, w, h) in words
        ]
        return f"<TextLine>{('<SP/>' if spaces else '').join(strings)}</TextLine>"

    body = "".join(f"<TextBlock>{''.join(map(line, block))}</TextBlock>" for block in blocks)
    return (
        f'<?xml version="1.0" encoding="UTF-8"?><alto xmlns="{ALTO.format(version)}"><Description>'
        "<MeasurementUnit>pixel</MeasurementUnit><sourceImageInformation><fileName>p.png</fileName>"
        '</sourceImageInformation></Description><Layout><Page ID="p1" WIDTH="900" HEIGHT="1200"><PrintSpace>'
        f"{body}</PrintSpace></Page></Layout></alto>"
    ).encode()


def page(blocks: Blocks, year: str = "2019-07-15", order: list[int] | None = None) -> bytes:
    """``order``: the reading order; regions stand in the file in that of ``blocks``."""

    def coords(x: int, y: int, w: int, h: int) -> str:
        return f'<Coords points="{x},{y} {x + w},{y} {x + w},{y + h} {x},{y + h}"/>'

    def equiv(text: str) -> str:
        return f"<TextEquiv><Unicode>{escape(text)}</Unicode></TextEquiv>"

    def line(words: list[WordBox]) -> str:
        inner = "".join(f"<Word>{coords(*box)}{equiv(text)}</Word>" for text, box in words)
        return f"<TextLine>{inner}{equiv(' '.join(text for text, _ in words))}</TextLine>"

    regions = "".join(
        f'<TextRegion id="r{number}">{"".join(map(line, block))}</TextRegion>' for number, block in enumerate(blocks)
    )
    named = "".join(f'<RegionRefIndexed index="{i}" regionRef="r{r}"/>' for i, r in enumerate(order or []))
    ordered = f'<ReadingOrder><OrderedGroup id="g">{named}</OrderedGroup></ReadingOrder>' if order else ""
    return (
        f'<?xml version="1.0" encoding="UTF-8"?><PcGts xmlns="{PAGE.format(year)}"><Metadata/>'
        f'<Page imageFilename="p.png" imageWidth="900" imageHeight="1200">{ordered}{regions}</Page></PcGts>'
    ).encode()


def hocr(blocks: Blocks) -> bytes:
    def line(words: list[WordBox]) -> str:
        spans = [
            f"<span class='ocrx_word' title='bbox {x} {y} {x + w} {y + h}; x_wconf 90'>{escape(text)}</span>"
            for text, (x, y, w, h) in words
        ]
        return f"<span class='ocr_line' title='bbox 0 0 9 9'>{' '.join(spans)}</span>"

    body = "".join(f"<p class='ocr_par' lang='deu'>{''.join(map(line, block))}</p>" for block in blocks)
    return (
        "<!DOCTYPE html><html><head><meta charset='utf-8'><title></title></head><body>"
        f"<div class='ocr_page' id='p1' title='image \"p.png\"; bbox 0 0 900 1200; ppageno 0'>{body}</div>"
        "</body></html>"
    ).encode()
