//! Who vouches for devices beside their vendors: certificates that somebody put into the data directory, for keys whose
//! attestation certificate an organisation replaced by its own, or for roots that are newer than this program.

use std::ffi::OsStr;
use std::fs;
use std::io::{ErrorKind, Read};
use std::path::{Path, PathBuf};

use mintmark_device::attestation::Anchors;

use super::ProfileError;

/// The folder in the data directory.
pub const ROOTS_FOLDER: &str = "attestation-roots";
/// One more than the longest file that is taken, so that a longer one is seen.
const MOST_BYTES: u64 = (256 << 10) + 1;

/// The vendors' certificates and those of the folder; a file that cannot be used is told and left out, whole.
pub(super) fn read(data: &Path) -> (Anchors, Vec<ProfileError>) {
    let (mut anchors, mut problems) = (Anchors::vendor(), Vec::new());
    let mut problem = |file: &str, what: String| {
        problems.push(ProfileError::Unreadable { file: file.to_owned(), what });
    };
    let entries = match fs::read_dir(data.join(ROOTS_FOLDER)) {
        Ok(entries) => entries,
        Err(error) => {
            if error.kind() != ErrorKind::NotFound {
                problem(ROOTS_FOLDER, error.to_string());
            }
            return (anchors, problems);
        }
    };
    let is_pem = |path: &PathBuf| path.extension() == Some(OsStr::new("pem"));
    let mut paths: Vec<_> = entries.flatten().map(|entry| entry.path()).filter(is_pem).collect();
    paths.sort();
    for path in paths {
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let mut text = Vec::new();
        let read = fs::File::open(&path).and_then(|file| {
            // Reading a pipe would wait for ever.
            if !file.metadata()?.is_file() {
                return Err(ErrorKind::InvalidInput.into());
            }
            file.take(MOST_BYTES).read_to_end(&mut text)
        });
        match read {
            Err(error) => problem(&name, error.to_string()),
            Ok(_) => {
                if let Err(error) = anchors.add_pem(&text) {
                    problem(&name, error.to_string());
                }
            }
        }
    }
    (anchors, problems)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_taken_and_wrong_ones_are_told() {
        let data = tempfile::tempdir().expect("a folder");
        assert!(read(data.path()).1.is_empty(), "there need be no folder");
        let folder = data.path().join(ROOTS_FOLDER);
        fs::create_dir(&folder).expect("made");
        let write = |name: &str, text: &str| fs::write(folder.join(name), text).expect("written");
        write("a.pem", "no certificate");
        write("b.txt", "not looked at");
        write("c.pem", &rcgen::generate_simple_self_signed(["root".to_owned()]).expect("made").cert.pem());
        let (_, problems) = read(data.path());
        assert_eq!(problems.len(), 1, "{problems:?}");
        assert_eq!(problems[0].file(), "a.pem");
        assert!(problems[0].to_string().contains("PEM"), "{}", problems[0]);
    }
}
