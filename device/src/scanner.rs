//! Barcode scanners in serial mode: bytes in, scans out, and what a scan says.
//!
//! [`framing`] tells where a scan begins and ends, [`reading`] what it says, [`port`] keeps a serial port open while the
//! scanner comes and goes. The same reading serves scanners that type like a keyboard.

pub mod framing;
pub mod port;
pub mod reading;

pub use framing::{Affixes, Dropped, Framer, Scan};
pub use port::{Event, PortError, Settings, listen};
pub use reading::{Content, Label, Range, Reading, Symbology, Unreadable, read};
