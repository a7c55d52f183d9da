//! How the portal of a resource looks.

use askama::Template;

use crate::http::page::console::resource::TabLink;
use crate::http::page::{Field, Page};

/// The form, with a preview in both schemes.
#[derive(Debug, Template)]
#[template(path = "console/look.html")]
pub struct LookPage {
    /// The frame.
    pub page: Page,
    /// The resource.
    pub name: String,
    /// Its tabs.
    pub tabs: Vec<TabLink>,
    /// What its portal calls it.
    pub shown_name: Field,
    /// The colour, `#0b5f70`.
    pub accent: Field,
    /// The file of the logo; never filled in.
    pub logo: Field,
    /// Whom to ask.
    pub help_text: Field,
    /// The address of the stylesheet of the preview.
    pub preview_colours: Option<String>,
    /// The address of the logo that is there.
    pub preview_logo: Option<String>,
    /// The name in the preview.
    pub preview_name: String,
    /// The preview shows what was typed, not what is kept.
    pub is_trial: bool,
}

impl LookPage {
    /// A colour that was tried.
    #[cfg(test)]
    pub fn sample() -> Self {
        Self {
            page: Page::sample("VPN", "resources"),
            name: "VPN".into(),
            tabs: crate::http::page::console::resource::Resource::tabs("VPN", "look", ["1", "2", "3", "4"]),
            shown_name: Field::of("Remote access"),
            accent: Field::of("#7a1f5c"),
            logo: Field::wrong("", "A logo is a PNG, JPEG or WebP picture."),
            help_text: Field::of("Extension 4455"),
            preview_colours: Some("/admin/resources/VPN/look.css?accent=7a1f5c".into()),
            preview_logo: Some("/admin/resources/VPN/logo?v=1".into()),
            preview_name: "Remote access".into(),
            is_trial: true,
        }
    }
}
