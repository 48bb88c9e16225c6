//! Type of a mail in the size that the theme asks for.

/// Properties of type; whatever else is measured in pixels stays, so that a mail keeps its width.
const OF_TYPE: [&str; 2] = ["font-size:", "line-height:"];

/// Mail HTML with its type so many percent as large. Only what stands in `style` attributes and in the sheet is touched: words
/// are escaped and hold neither.
pub(super) fn scaled(html: String, percent: u16) -> String {
    if percent == 100 {
        return html;
    }
    let mut out = String::with_capacity(html.len());
    let mut rest = html.as_str();
    let ends = [(" style=\"", "\""), ("<style>", "</style>")];
    let next = |text: &str| {
        let found = ends.map(|(start, end)| Some((text.find(start)? + start.len(), end)));
        found.into_iter().flatten().min_by_key(|(at, _)| *at)
    };
    while let Some((at, end)) = next(rest) {
        let (before, inside) = rest.split_at(at);
        let (css, after) = inside.split_at(inside.find(end).unwrap_or(inside.len()));
        out.push_str(before);
        out.push_str(&declarations(css, percent));
        rest = after;
    }
    out.push_str(rest);
    out
}

fn declarations(css: &str, percent: u16) -> String {
    let mut out = String::with_capacity(css.len());
    let mut rest = css;
    while let Some(at) = (0..rest.len()).find(|at| {
        let here = rest.get(*at..).unwrap_or_default();
        OF_TYPE.iter().any(|name| here.starts_with(name))
    }) {
        let value = at + rest.get(at..).and_then(|here| here.find(':')).unwrap_or(0) + 1;
        let (before, after) = rest.split_at(value);
        let digits = after.bytes().take_while(u8::is_ascii_digit).count();
        let (number, after) = after.split_at(digits);
        out.push_str(before);
        match number
            .parse::<u32>()
            .ok()
            .filter(|_| after.starts_with("px"))
        {
            // One pixel is no type: it keeps hidden words and empty cells small.
            Some(pixels) if pixels > 1 => {
                let scaled = (pixels * u32::from(percent) + 50) / 100;
                out.push_str(&scaled.to_string());
            }
            _ => out.push_str(number),
        }
        rest = after;
    }
    out.push_str(rest);
    out
}

#[cfg(test)]
mod tests {
    use super::scaled;

    #[test]
    fn type_grows_and_nothing_else_does() {
        let html = "<style>.cells td{font-size:12px !important;padding:3px}</style>\
                    <p style=\"margin:10px 0;font-size:15px;line-height:28px\">font-size:15px</p>\
                    <td style=\"font-size:1px;width:120px\">line-height:9px</td>";
        let larger = "<style>.cells td{font-size:14px !important;padding:3px}</style>\
                      <p style=\"margin:10px 0;font-size:18px;line-height:34px\">font-size:15px</p>\
                      <td style=\"font-size:1px;width:120px\">line-height:9px</td>";
        assert_eq!(scaled(html.to_owned(), 120), larger);
        assert_eq!(scaled(html.to_owned(), 100), html);
    }
}
