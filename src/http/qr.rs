//! QR codes as drawings.

use std::fmt::Write as _;

use fast_qr::{ECL, QRBuilder};

/// Light modules around a QR code, without which cameras do not find it.
const QUIET: usize = 4;

/// The text as a QR code: one path of dark modules on white, no style. `label` is read to those who do
/// not see it.
pub(super) fn svg(text: &str, label: &str) -> String {
    let Ok(code) = QRBuilder::new(text).ecl(ECL::M).build() else { return String::new() };
    let side = code.size + 2 * QUIET;
    let mut path = String::new();
    for y in 0..code.size {
        for (x, module) in code[y].iter().enumerate().take(code.size) {
            if module.value() {
                // Writing into a text cannot fail.
                let _ = write!(path, "M{} {}h1v1h-1z", x + QUIET, y + QUIET);
            }
        }
    }
    format!(
        "<svg viewBox=\"0 0 {side} {side}\" role=\"img\" aria-label=\"{label}\" \
         shape-rendering=\"crispEdges\"><path fill=\"#fff\" d=\"M0 0h{side}v{side}H0z\"/>\
         <path fill=\"#000\" d=\"{path}\"/></svg>"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn qr_codes_carry_no_style() {
        let svg = svg("https://otp.example.org/selfservice/portal", "QR code of the address");
        assert!(svg.starts_with("<svg viewBox=") && svg.ends_with("</svg>"));
        assert!(!svg.contains("style"));
    }
}
