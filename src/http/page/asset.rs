//! The static files that pages link to, compiled into the binary.

use std::sync::OnceLock;

use data_encoding::HEXLOWER;
use sha2::{Digest, Sha256};

/// One static file.
#[derive(Debug, Clone, Copy)]
pub struct Asset {
    /// Its address, without the `?v=` that pages add.
    pub path: &'static str,
    /// The value of `Content-Type`.
    pub content_type: &'static str,
    /// Its text.
    pub text: &'static str,
}

const CSS: &str = "text/css; charset=utf-8";

/// All static files.
pub const ASSETS: &[Asset] = &[
    Asset {
        path: "/assets/css/base.css",
        content_type: CSS,
        text: include_str!("../../../assets/css/base.css"),
    },
    Asset {
        path: "/assets/css/chart.css",
        content_type: CSS,
        text: include_str!("../../../assets/css/chart.css"),
    },
    Asset {
        path: "/assets/css/mintmark.css",
        content_type: CSS,
        text: include_str!("../../../assets/css/mintmark.css"),
    },
    Asset {
        path: "/assets/css/parts.css",
        content_type: CSS,
        text: include_str!("../../../assets/css/parts.css"),
    },
    Asset {
        path: "/assets/css/places.css",
        content_type: CSS,
        text: include_str!("../../../assets/css/places.css"),
    },
    Asset {
        path: "/assets/css/tray.css",
        content_type: CSS,
        text: include_str!("../../../assets/css/tray.css"),
    },
    Asset {
        path: "/assets/js/mintmark.js",
        content_type: "text/javascript; charset=utf-8",
        text: include_str!("../../../assets/js/mintmark.js"),
    },
    Asset {
        path: "/assets/js/camera.js",
        content_type: "text/javascript; charset=utf-8",
        text: include_str!("../../../assets/js/camera.js"),
    },
    Asset {
        path: "/assets/js/scans.js",
        content_type: "text/javascript; charset=utf-8",
        text: include_str!("../../../assets/js/scans.js"),
    },
    Asset {
        path: "/assets/favicon.svg",
        content_type: "image/svg+xml",
        text: include_str!("../../../assets/favicon.svg"),
    },
];

/// Twelve hex digits that change whenever one of the files changes, for `Page::asset_version`.
pub fn version() -> &'static str {
    static VERSION: OnceLock<String> = OnceLock::new();
    VERSION.get_or_init(|| {
        let mut hash = Sha256::new();
        for asset in ASSETS {
            hash.update(asset.path);
            hash.update([0]);
            hash.update(asset.text);
            hash.update([0]);
        }
        HEXLOWER.encode(&hash.finalize()[..6])
    })
}
