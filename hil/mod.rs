//! Hardware in the loop: the whole path from the station to a device through a real card reader service. `README.md`
//! says how the same is run with a real device.

mod batch;
mod desk;
mod device;
mod doctor;
mod doubt;
mod piv;
mod readers;
mod real;
mod ykman;

/// Where `make` puts what the tests need.
const TARGET: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/target");
