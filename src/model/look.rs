//! How the portal of a resource looks: its shown name, a logo, a colour.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::clock::UnixTime;

/// A colour, red, green and blue.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Colour(pub [u8; 3]);

impl fmt::Display for Colour {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [red, green, blue] = self.0;
        write!(f, "#{red:02x}{green:02x}{blue:02x}")
    }
}

const WHITE: Colour = Colour([255; 3]);
const BLACK: Colour = Colour([0; 3]);
/// Surface and raised of the two schemes, and the dark text on a light accent: as in `base.css`.
const LIGHT: [Colour; 2] = [Colour([0xf5, 0xf7, 0xf8]), WHITE];
const DARK: [Colour; 2] = [Colour([0x11, 0x16, 0x1b]), Colour([0x1a, 0x21, 0x29])];
const ON_DARK_ACCENT: Colour = Colour([0x08, 0x12, 0x18]);

impl Colour {
    /// Reads `#0b5f70`.
    pub fn parse(text: &str) -> Option<Self> {
        let hex = text.trim().strip_prefix('#')?;
        if hex.len() != 6 || !hex.bytes().all(|b| b.is_ascii_hexdigit()) {
            return None;
        }
        let part = |at: usize| u8::from_str_radix(hex.get(at..at + 2)?, 16).ok();
        Some(Self([part(0)?, part(2)?, part(4)?]))
    }

    /// Relative luminance (WCAG 2.2).
    fn luminance(self) -> f64 {
        let [red, green, blue] = self.0.map(|part| {
            let part = f64::from(part) / 255.0;
            if part <= 0.040_45 { part / 12.92 } else { ((part + 0.055) / 1.055).powf(2.4) }
        });
        0.2126 * red + 0.7152 * green + 0.0722 * blue
    }

    /// Contrast ratio with another colour, 1 to 21 (WCAG 2.2).
    pub fn contrast(self, other: Self) -> f64 {
        let (a, b) = (self.luminance() + 0.05, other.luminance() + 0.05);
        if a > b { a / b } else { b / a }
    }

    /// This colour with so many hundredths of another.
    fn mixed(self, other: Self, hundredths: u8) -> Self {
        let share = u32::from(hundredths.min(100));
        let mut parts = self.0;
        for (part, other) in parts.iter_mut().zip(other.0) {
            let mixed = u32::from(*part) * (100 - share) + u32::from(other) * share;
            *part = u8::try_from(mixed / 100).unwrap_or(u8::MAX);
        }
        Self(parts)
    }

    fn least_contrast(self, others: &[Self]) -> f64 {
        others.iter().map(|other| self.contrast(*other)).fold(21.0, f64::min)
    }
}

/// Text has at least this contrast with what is behind it.
pub const LEAST_CONTRAST: f64 = 4.5;

/// The colours of one scheme.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shades {
    /// Buttons, links, marks.
    pub accent: Colour,
    /// The same under the pointer, and as text on the tint.
    pub strong: Colour,
    /// Behind what is chosen.
    pub tint: Colour,
    /// Text on the accent.
    pub on_accent: Colour,
}

impl Shades {
    /// The least contrast of all that is read: the accent as text, text on it, and both on the tint.
    pub fn least_contrast(&self, behind: &[Colour]) -> f64 {
        [
            self.accent.least_contrast(behind),
            self.strong.least_contrast(behind),
            self.on_accent.contrast(self.accent),
            self.on_accent.contrast(self.strong),
            self.accent.contrast(self.tint),
            self.strong.contrast(self.tint),
        ]
        .into_iter()
        .fold(21.0, f64::min)
    }
}

/// A colour whose text can be read in both schemes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Accent(Colour);

impl Accent {
    /// Takes a colour that carries white text on a light page; the error is the contrast measured.
    pub fn new(colour: Colour) -> Result<Self, f64> {
        let measured = colour.least_contrast(&LIGHT);
        if measured < LEAST_CONTRAST {
            return Err(measured);
        }
        let accent = Self(colour);
        let least = accent.light().least_contrast(&LIGHT).min(accent.dark().least_contrast(&DARK));
        if least < LEAST_CONTRAST { Err(least) } else { Ok(accent) }
    }

    /// As chosen.
    pub const fn colour(self) -> Colour {
        self.0
    }

    /// The shades on a light page.
    pub fn light(self) -> Shades {
        let strong = self.0.mixed(BLACK, 25);
        // As much of the colour as leaves the text on it readable.
        let tints = (0..=12).rev().map(|share| WHITE.mixed(self.0, share));
        let tint = tints.into_iter().find(|tint| self.0.contrast(*tint) >= LEAST_CONTRAST).unwrap_or(WHITE);
        Shades { accent: self.0, strong, tint, on_accent: WHITE }
    }

    /// The shades on a dark page: lighter, until they can be read there.
    pub fn dark(self) -> Shades {
        let shades = |share: u8| {
            let accent = self.0.mixed(WHITE, share);
            let strong = accent.mixed(WHITE, 30);
            let tint = DARK[1].mixed(self.0, 15);
            Shades { accent, strong, tint, on_accent: ON_DARK_ACCENT }
        };
        let lighter = (0..=100).map(shades);
        let readable = lighter.into_iter().find(|shades| shades.least_contrast(&DARK) >= 5.0);
        readable.unwrap_or_else(|| shades(100))
    }
}

/// What sort of picture a logo is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum LogoKind {
    /// Portable Network Graphics.
    Png,
    /// JPEG.
    Jpeg,
    /// WebP.
    WebP,
}

impl LogoKind {
    /// The content type.
    pub const fn content_type(self) -> &'static str {
        match self {
            Self::Png => "image/png",
            Self::Jpeg => "image/jpeg",
            Self::WebP => "image/webp",
        }
    }
}

/// Why a file is no logo.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LogoError {
    /// Too many bytes.
    #[error("a logo has at most 64 KiB, this file has {0} bytes: make the picture smaller")]
    Large(usize),
    /// None of the three.
    #[error("a logo is a PNG, JPEG or WebP picture: what is in the file counts, not its name")]
    Kind,
    /// It begins as a picture and does not go on as one.
    #[error("the picture is damaged: its size cannot be read")]
    Damaged,
    /// Too many points.
    #[error("a logo has 16 to 2000 points to a side, this one has {0} by {1}")]
    Size(u32, u32),
}

/// A logo.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Logo {
    /// What sort of picture.
    pub kind: LogoKind,
    /// The file.
    pub bytes: Vec<u8>,
}

impl fmt::Debug for Logo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Logo({:?}, {} bytes)", self.kind, self.bytes.len())
    }
}

impl Logo {
    /// Most bytes.
    pub const MOST_BYTES: usize = 64 << 10;

    /// Takes a file that is a picture of a sane size.
    pub fn new(bytes: Vec<u8>) -> Result<Self, LogoError> {
        if bytes.len() > Self::MOST_BYTES {
            return Err(LogoError::Large(bytes.len()));
        }
        let kind = if bytes.starts_with(b"\x89PNG\r\n\x1a\n") {
            LogoKind::Png
        } else if bytes.starts_with(&[0xff, 0xd8, 0xff]) {
            LogoKind::Jpeg
        } else if bytes.starts_with(b"RIFF") && bytes.get(8..12) == Some(b"WEBP") {
            LogoKind::WebP
        } else {
            return Err(LogoError::Kind);
        };
        let size = match kind {
            LogoKind::Png => png_size(&bytes),
            LogoKind::Jpeg => jpeg_size(&bytes),
            LogoKind::WebP => webp_size(&bytes),
        };
        let (width, height) = size.ok_or(LogoError::Damaged)?;
        if !(16..=2_000).contains(&width) || !(16..=2_000).contains(&height) {
            return Err(LogoError::Size(width, height));
        }
        Ok(Self { kind, bytes })
    }
}

fn be(bytes: &[u8], at: usize, len: usize) -> Option<u32> {
    let digits = bytes.get(at..at.checked_add(len)?)?;
    Some(digits.iter().fold(0, |number, byte| (number << 8) | u32::from(*byte)))
}

fn le(bytes: &[u8], at: usize, len: usize) -> Option<u32> {
    let digits = bytes.get(at..at.checked_add(len)?)?;
    Some(digits.iter().rev().fold(0, |number, byte| (number << 8) | u32::from(*byte)))
}

/// The first chunk is `IHDR`, and the last is `IEND` (W3C PNG, 5.6).
fn png_size(bytes: &[u8]) -> Option<(u32, u32)> {
    let whole =
        be(bytes, 8, 4)? == 13 && bytes.get(12..16)? == b"IHDR" && bytes.ends_with(b"IEND\xae\x42\x60\x82");
    whole.then_some(())?;
    Some((be(bytes, 16, 4)?, be(bytes, 20, 4)?))
}

/// The first start of a frame (ITU T.81, B.2.2).
fn jpeg_size(bytes: &[u8]) -> Option<(u32, u32)> {
    let mut at = 2;
    loop {
        if *bytes.get(at)? != 0xff {
            return None;
        }
        match *bytes.get(at + 1)? {
            // Filling.
            0xff => at += 1,
            0xc0..=0xc3 | 0xc5..=0xc7 | 0xc9..=0xcb | 0xcd..=0xcf => {
                return Some((be(bytes, at + 7, 2)?, be(bytes, at + 5, 2)?));
            }
            // The data begins, or the picture ends, before any size was said.
            0xda | 0xd9 | 0x00 => return None,
            _ => {
                let len = usize::try_from(be(bytes, at + 2, 2)?).ok().filter(|len| *len >= 2)?;
                at += 2 + len;
            }
        }
    }
}

/// The first chunk: extended, lossless or lossy (RFC 9649, 2.5 to 2.7).
fn webp_size(bytes: &[u8]) -> Option<(u32, u32)> {
    match bytes.get(12..16)? {
        b"VP8X" => Some((le(bytes, 24, 3)? + 1, le(bytes, 27, 3)? + 1)),
        b"VP8L" if *bytes.get(20)? == 0x2f => {
            let bits = le(bytes, 21, 4)?;
            Some(((bits & 0x3fff) + 1, ((bits >> 14) & 0x3fff) + 1))
        }
        b"VP8 " if bytes.get(23..26)? == [0x9d, 0x01, 0x2a] => {
            Some((le(bytes, 26, 2)? & 0x3fff, le(bytes, 28, 2)? & 0x3fff))
        }
        _ => None,
    }
}

/// How the portal of a resource looks.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Look {
    /// What its pages call it; `None`: the resource's name.
    pub shown_name: Option<String>,
    /// Its colour; `None`: the usual one.
    pub accent: Option<Accent>,
    /// Its logo.
    pub logo: Option<Logo>,
    /// When it was changed last; part of the addresses of colours and logo.
    pub changed_at: Option<UnixTime>,
}

impl Look {
    /// Most characters of a shown name.
    pub const NAME_CHARS: usize = 60;
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every colour that is taken can be read in both schemes, also on its tint.
    #[test]
    fn accepted_colours_can_be_read_everywhere() {
        let mut taken = 0;
        let steps = [0_u8, 20, 51, 90, 102, 128, 153, 180, 204, 230, 255];
        for red in steps {
            for green in steps {
                for blue in steps {
                    let colour = Colour([red, green, blue]);
                    let Ok(accent) = Accent::new(colour) else { continue };
                    taken += 1;
                    let (light, dark) = (accent.light(), accent.dark());
                    assert!(light.least_contrast(&LIGHT) >= LEAST_CONTRAST, "{colour} light: {light:?}");
                    assert!(dark.least_contrast(&DARK) >= LEAST_CONTRAST, "{colour} dark: {dark:?}");
                }
            }
        }
        assert!(taken > 300, "{taken} of {} are usable", steps.len().pow(3));
    }

    #[test]
    fn pale_colours_are_refused_with_what_was_measured() {
        let measured = Accent::new(Colour::parse("#ffd400").expect("a colour")).expect_err("pale");
        assert!((1.2..1.5).contains(&measured), "{measured}");
        assert!(Accent::new(Colour::parse("#0b5f70").expect("a colour")).is_ok());
        for bad in ["0b5f70", "#0b5f7", "#0b5f70ff", "#0b5g70", "red", "#+b5f70"] {
            assert_eq!(Colour::parse(bad), None, "{bad}");
        }
        assert!((WHITE.contrast(BLACK) - 21.0).abs() < 0.01);
    }

    fn png(width: u32, height: u32) -> Vec<u8> {
        let mut bytes = b"\x89PNG\r\n\x1a\n\x00\x00\x00\x0dIHDR".to_vec();
        bytes.extend(width.to_be_bytes());
        bytes.extend(height.to_be_bytes());
        bytes.extend(b"\x08\x06\x00\x00\x00----");
        bytes.extend(b"\x00\x00\x00\x00IEND\xae\x42\x60\x82");
        bytes
    }

    #[test]
    fn only_pictures_of_a_sane_size_are_logos() {
        assert_eq!(Logo::new(png(200, 60)).expect("a logo").kind, LogoKind::Png);
        let jpeg = b"\xff\xd8\xff\xe0\x00\x04ab\xff\xc0\x00\x11\x08\x00\x40\x00\x80\x03".to_vec();
        assert_eq!(Logo::new(jpeg).expect("a logo").kind, LogoKind::Jpeg);
        let webp =
            b"RIFF\x00\x00\x00\x00WEBPVP8X\x0a\x00\x00\x00\x00\x00\x00\x00\x7f\x00\x00\x3f\x00\x00".to_vec();
        assert_eq!(Logo::new(webp).expect("a logo").kind, LogoKind::WebP);
        for (bytes, why) in [
            (b"<svg xmlns='x'><script>1</script></svg>".to_vec(), LogoError::Kind),
            (b"GIF89a".to_vec(), LogoError::Kind),
            (Vec::new(), LogoError::Kind),
            (png(200, 60)[..20].to_vec(), LogoError::Damaged),
            (b"\xff\xd8\xff\xda".to_vec(), LogoError::Damaged),
            (b"\xff\xd8\xff\xe0\x00\x00".to_vec(), LogoError::Damaged),
            (b"RIFF\x00\x00\x00\x00WEBPVP8 ".to_vec(), LogoError::Damaged),
            (png(60_000, 60_000), LogoError::Size(60_000, 60_000)),
            (png(200, 3), LogoError::Size(200, 3)),
            (vec![0x89; 70_000], LogoError::Large(70_000)),
        ] {
            assert_eq!(Logo::new(bytes), Err(why));
        }
    }
}
