//! A QR code as SVG, PNG, or blocks for a terminal.
//!
//! The level of error correction is M (15 %) where the text fits, else L (7 %). A PNG has one bit a
//! pixel.

use qrcode::render::{svg, unicode};
use qrcode::{Color, EcLevel, QrCode};

use super::presentation::PresentationError;

/// Most characters of the QR alphabet that one code holds, version 40 at level L.
pub const MAX_QR_CHARACTERS: usize = 4_296;
/// Light modules around a code.
const QUIET_ZONE: usize = 4;

/// Why there is no QR code.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum QrError {
    /// One code cannot hold so much.
    #[error(
        "the presentation has {characters} characters, a QR code holds {limit}; {}",
        advice(*fields_that_fit)
    )]
    TooLarge {
        /// Characters of the text.
        characters: usize,
        /// Characters one code holds.
        limit: usize,
        /// How many of the chosen fields, from the first on, would fit, where that is known.
        fields_that_fit: Option<usize>,
    },
    /// The presentation cannot be made.
    #[error(transparent)]
    Presentation(#[from] PresentationError),
}

fn advice(fields_that_fit: Option<usize>) -> String {
    match fields_that_fit {
        Some(0) => "not even the first field fits: hand over the file".to_owned(),
        Some(count) => format!("the first {count} of the chosen fields would fit"),
        None => "choose fewer fields or hand over the file".to_owned(),
    }
}

/// A QR code.
#[derive(Clone)]
pub struct QrImage(QrCode);

impl QrImage {
    /// The code of a text.
    ///
    /// # Errors
    /// [`QrError::TooLarge`].
    pub fn of_text(text: &str) -> Result<Self, QrError> {
        let at = |level| QrCode::with_error_correction_level(text, level);
        let code = at(EcLevel::M).or_else(|_| at(EcLevel::L));
        code.map(Self).map_err(|_| QrError::TooLarge {
            characters: text.len(),
            limit: MAX_QR_CHARACTERS,
            fields_that_fit: None,
        })
    }

    /// Modules on a side, without the quiet zone.
    pub fn width(&self) -> usize {
        self.0.width()
    }

    /// An SVG document.
    pub fn to_svg(&self) -> String {
        self.0.render::<svg::Color<'_>>().module_dimensions(4, 4).build()
    }

    /// Blocks for a terminal, two modules in a character; dark on light when the terminal is dark.
    pub fn to_terminal(&self) -> String {
        let (dark, light) = (unicode::Dense1x2::Light, unicode::Dense1x2::Dark);
        self.0.render().dark_color(dark).light_color(light).build()
    }

    /// A PNG of `scale` pixels a module, 1 to 16.
    pub fn to_png(&self, scale: usize) -> Vec<u8> {
        let scale = scale.clamp(1, 16);
        let colors = self.0.to_colors();
        let (width, side) = (self.width(), self.width() + 2 * QUIET_ZONE);
        let is_dark = |x: usize, y: usize| {
            let inside = |at: usize| at.checked_sub(QUIET_ZONE).filter(|at| *at < width);
            let module = inside(x / scale).zip(inside(y / scale));
            module.is_some_and(|(x, y)| colors[y * width + x] == Color::Dark)
        };
        let pixels = side * scale;
        let mut rows = Vec::with_capacity(pixels * (pixels / 8 + 1));
        for y in 0..pixels {
            rows.extend((0..pixels).step_by(8).map(|left| {
                // White is 1; bits behind the last pixel do not matter.
                (0..8).fold(0u8, |byte, bit| byte << 1 | u8::from(!is_dark(left + bit, y)))
            }));
        }
        png(pixels as u32, &rows)
    }
}

impl core::fmt::Debug for QrImage {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "QrImage({} modules)", self.width())
    }
}

/// A square grey PNG of one bit a pixel.
fn png(side: u32, rows: &[u8]) -> Vec<u8> {
    let mut image = Vec::new();
    let mut encoder = png::Encoder::new(&mut image, side, side);
    encoder.set_color(png::ColorType::Grayscale);
    encoder.set_depth(png::BitDepth::One);
    let written = encoder.write_header().and_then(|mut writer| writer.write_image_data(rows));
    // Only another number of bytes than the sides ask for could fail, or a writer other than memory.
    debug_assert!(written.is_ok());
    image
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn capacity_is_what_the_standard_says() {
        assert_eq!(QrImage::of_text(&"A".repeat(MAX_QR_CHARACTERS)).unwrap().width(), 177);
        let refused = QrImage::of_text(&"A".repeat(MAX_QR_CHARACTERS + 1)).unwrap_err();
        assert!(matches!(refused, QrError::TooLarge { characters: 4_297, .. }));
        assert!(refused.to_string().contains("4297"));
    }

    #[test]
    fn svg_and_terminal_have_every_module() {
        let image = QrImage::of_text("HEFU1:ABC").unwrap();
        assert!(image.to_svg().starts_with("<?xml"));
        assert!(image.to_svg().contains("viewBox"));
        assert_eq!(image.to_terminal().lines().count(), (image.width() + 8).div_ceil(2));
    }

    /// What a scanner sees is the text.
    #[test]
    fn codes_are_read_back() {
        for length in [1, 100, 1_000, 3_000] {
            let text: String = "HEFU1:6BF$A-Z09 %*+./".chars().cycle().take(length).collect();
            let image = QrImage::of_text(&text).unwrap();
            let (colors, width) = (image.0.to_colors(), image.width());
            let grey = |x: usize, y: usize| {
                let module = (x / 3).checked_sub(4).zip((y / 3).checked_sub(4));
                let module = module.filter(|(x, y)| *x < width && *y < width);
                match module.map(|(x, y)| colors[y * width + x]) {
                    Some(Color::Dark) => 0,
                    _ => 255,
                }
            };
            let side = (width + 8) * 3;
            let mut picture = rqrr::PreparedImage::prepare_from_greyscale(side, side, grey);
            let grids = picture.detect_grids();
            assert_eq!(grids.len(), 1);
            assert_eq!(grids[0].decode().unwrap().1, text);
        }
    }

    /// A scanner reads the text from the pixels of the picture.
    #[test]
    fn png_shows_the_code() {
        for (length, scale) in [(10, 1), (600, 3), (3_000, 8)] {
            let text: String = "HEFU1:ABC".chars().cycle().take(length).collect();
            let image = QrImage::of_text(&text).unwrap();
            let picture = image.to_png(scale);
            let mut decoder = png::Decoder::new(std::io::Cursor::new(&picture));
            decoder.set_transformations(png::Transformations::EXPAND);
            let mut reader = decoder.read_info().unwrap();
            let mut pixels = vec![0; reader.output_buffer_size().unwrap()];
            let info = reader.next_frame(&mut pixels).unwrap();
            let side = (image.width() + 2 * QUIET_ZONE) * scale;
            assert_eq!((info.width as usize, info.height as usize), (side, side));
            // Smaller modules than three pixels are too small for the scanner.
            let zoom = 3usize.div_ceil(scale);
            let grey = |x: usize, y: usize| pixels[y / zoom * info.line_size + x / zoom];
            let (wide, high) = (side * zoom, side * zoom);
            let mut seen = rqrr::PreparedImage::prepare_from_greyscale(wide, high, grey);
            assert_eq!(seen.detect_grids()[0].decode().unwrap().1, text);
        }
    }
}
