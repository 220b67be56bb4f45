//! Writing the file.

use krilla::configure::{Archival, ConfigurationBuilder};
use krilla::geom::{Path, PathBuilder, Point, Rect};
use krilla::metadata::{DateTime, Metadata};
use krilla::page::PageSettings;
use krilla::surface::Surface;
use krilla::text::{Font, GlyphId, KrillaGlyph};
use krilla::{Document, SerializeSettings};
use qrcode::{Color, EcLevel, QrCode};
use skrifa::FontRef;

use crate::layout::{HEIGHT, Line, Measure, QR_AT, QR_SIDE, RULE, Sheet, WIDTH, sheets};
use crate::{FontFile, Report};

/// Light modules around a QR code.
const QUIET: usize = 4;

/// Why there is no report.
#[derive(Debug, thiserror::Error)]
pub enum RenderError {
    /// The font cannot be embedded.
    #[error("the font cannot be used")]
    Font,
    /// More than a QR code holds.
    #[error("the QR code cannot hold so much")]
    Qr,
    /// The writer or its validator refuses.
    #[error("no PDF/A can be made of it: {0}")]
    Refused(String),
}

/// The report as PDF/A-2u.
///
/// # Errors
/// [`RenderError`].
pub fn render(report: &Report, font: &FontFile) -> Result<Vec<u8>, RenderError> {
    let face = FontRef::from_index(font.data(), font.index()).map_err(|_| RenderError::Font)?;
    let measure = Measure::new(&face, &report.text());
    let configuration =
        ConfigurationBuilder::new().with_archival_validator(Archival::A2_U).finish();
    let configuration =
        configuration.map_err(|error| RenderError::Refused(format!("{error:?}")))?;
    let settings = SerializeSettings { configuration, enable_tagging: false, ..Default::default() };
    let mut document = Document::new_with(settings);
    document.set_metadata(metadata(report));
    let used = Font::new(font.data().to_vec().into(), font.index()).ok_or(RenderError::Font)?;
    let code = QrCode::with_error_correction_level(&report.qr, EcLevel::M);
    let code = code.map_err(|_| RenderError::Qr)?;
    for (number, sheet) in sheets(report, &measure).iter().enumerate() {
        let size = PageSettings::from_wh(WIDTH, HEIGHT);
        let mut page = document.start_page_with(size.ok_or(RenderError::Font)?);
        let mut surface = page.surface();
        draw(&mut surface, sheet, &measure, &used);
        if number == 0
            && let Some(path) = modules(&code)
        {
            surface.draw_path(&path);
        }
        surface.finish();
        page.finish();
    }
    document.finish().map_err(|error| RenderError::Refused(format!("{error:?}")))
}

fn metadata(report: &Report) -> Metadata {
    let date = report.date;
    let date = DateTime::new(date.year).month(date.month).day(date.day).utc_offset_hour(8);
    Metadata::new()
        .title(report.title.clone())
        .description(report.qr.clone())
        .language(report.language.tag().to_owned())
        .creator("hefu".to_owned())
        .document_id(report.qr.clone())
        .creation_date(date)
}

fn draw(surface: &mut Surface<'_>, sheet: &Sheet, measure: &Measure, font: &Font) {
    for line in &sheet.lines {
        let glyphs = glyphs(line, measure);
        let at = Point::from_xy(line.x, line.y);
        surface.draw_glyphs(at, &glyphs, font.clone(), &line.text, line.size, false);
    }
    for y in &sheet.rules {
        let mut path = PathBuilder::new();
        if let Some(rect) = Rect::from_ltrb(RULE.0, *y, RULE.1, *y + 0.5) {
            path.push_rect(rect);
        }
        if let Some(path) = path.finish() {
            surface.draw_path(&path);
        }
    }
}

fn glyphs(line: &Line, measure: &Measure) -> Vec<KrillaGlyph> {
    let mut from = 0;
    let set = measure.set(&line.text);
    set.into_iter()
        .map(|set| {
            let range = from..from + set.bytes;
            from = range.end;
            KrillaGlyph::new(GlyphId::new(set.glyph), set.width, 0.0, 0.0, 0.0, range, None)
        })
        .collect()
}

/// The dark modules: runs of a row are one rectangle.
fn modules(code: &QrCode) -> Option<Path> {
    let (width, colors) = (code.width(), code.to_colors());
    let side = QR_SIDE / (width + 2 * QUIET) as f32;
    let mut path = PathBuilder::new();
    for (row, cells) in colors.chunks(width).enumerate() {
        let mut begun = None;
        for column in 0..=width {
            let dark = cells.get(column) == Some(&Color::Dark);
            match (dark, begun) {
                (true, None) => begun = Some(column),
                (false, Some(from)) => {
                    let at = |cell: usize| (cell + QUIET) as f32 * side;
                    let (x, y) = QR_AT;
                    let rect =
                        Rect::from_ltrb(x + at(from), y + at(row), x + at(column), y + at(row + 1));
                    path.push_rect(rect?);
                    begun = None;
                }
                _ => {}
            }
        }
    }
    path.finish()
}
