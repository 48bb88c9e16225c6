//! Builds the daily report of the design pictures by hand and writes it as PDF and PNG: `sample_pages DIR [PAGE]`.

mod sample;

use chenbao_model::document::Theme;
use chenbao_report::fonts::Fonts;
use chenbao_report::{layout, pdf, png};
use std::path::Path;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut args = std::env::args().skip(1);
    let dir = args.next().unwrap_or_else(|| ".".to_owned());
    let page = args.next().unwrap_or_else(|| "a4".to_owned());
    let mut document = sample::daily();
    document.meta.theme = Theme {
        page,
        ..Theme::default()
    };
    let fonts = Fonts::embedded()?;
    let pages = layout::pages(&document, &fonts)?;
    let dir = Path::new(&dir);
    std::fs::create_dir_all(dir)?;
    std::fs::write(
        dir.join("sample.pdf"),
        pdf::write(&document, &pages.value, &fonts)?,
    )?;
    for (i, picture) in png::pages(&pages.value.pages, &fonts, 100.0 / 72.0)?
        .iter()
        .enumerate()
    {
        std::fs::write(dir.join(format!("sample-{}.png", i + 1)), picture)?;
    }
    for (i, chart) in sample::charts(&document).iter().enumerate() {
        let picture = png::chart(chart, &document.meta.theme, 600, 2.0, &fonts)?;
        std::fs::write(dir.join(format!("chart-{}.png", i + 1)), picture.png)?;
    }
    Ok(())
}
