//! Law 3: looking for secrets in what was written, in every form in which one could lie there.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

/// Every form in which a secret could lie somewhere.
pub(crate) fn forms(secret: &[u8]) -> Vec<Vec<u8>> {
    use data_encoding::{BASE32_NOPAD, BASE64_NOPAD, BASE64URL_NOPAD, HEXLOWER, HEXUPPER};
    let base32 = BASE32_NOPAD.encode(secret);
    let spaced = |separator: &str| {
        let bytes: Vec<String> = secret.iter().map(|byte| format!("{byte:02x}")).collect();
        bytes.join(separator).into_bytes()
    };
    let mut forms = vec![
        secret.to_vec(),
        secret.iter().rev().copied().collect(),
        HEXLOWER.encode(secret).into_bytes(),
        HEXUPPER.encode(secret).into_bytes(),
        spaced(" "),
        spaced(":"),
        base32.to_lowercase().into_bytes(),
        base32.into_bytes(),
        secret.escape_ascii().to_string().into_bytes(),
        format!("{secret:?}").trim_matches(['[', ']']).as_bytes().to_vec(),
        serde_json::to_string(secret).expect("numbers").trim_matches(['[', ']']).as_bytes().to_vec(),
    ];
    // Inside a longer text in base64 a secret begins at one of three places; the digits that it shares
    // with its neighbours are left out.
    for before in 0..3 {
        let mut text = vec![0; before];
        text.extend_from_slice(secret);
        let first = (before * 8).div_ceil(6);
        let digits = text.len() * 8 / 6;
        forms.push(BASE64_NOPAD.encode(&text).as_bytes()[first..digits].to_vec());
        forms.push(BASE64URL_NOPAD.encode(&text).as_bytes()[first..digits].to_vec());
    }
    forms
}

/// Finds forms of secrets in one pass over the bytes.
#[derive(Debug)]
pub(crate) struct Searcher {
    /// Forms and the number of their secret, by their first four bytes.
    forms: HashMap<[u8; 4], Vec<(Vec<u8>, usize)>>,
}

impl Searcher {
    pub(crate) fn new(secrets: &[Vec<u8>]) -> Self {
        let mut found: HashMap<[u8; 4], Vec<(Vec<u8>, usize)>> = HashMap::new();
        for (number, secret) in secrets.iter().enumerate() {
            for form in forms(secret) {
                let first = *form.first_chunk().expect("secrets are longer than four bytes");
                found.entry(first).or_default().push((form, number));
            }
        }
        Self { forms: found }
    }

    /// The places where a form of a secret stands; `name` says what the bytes are.
    pub(crate) fn find(&self, name: &str, bytes: &[u8]) -> Vec<String> {
        let mut found = Vec::new();
        for (at, first) in bytes.windows(4).enumerate() {
            let Some(forms) = first.first_chunk().and_then(|first| self.forms.get(first)) else { continue };
            for (_, secret) in forms.iter().filter(|(form, _)| bytes[at..].starts_with(form)) {
                let mut place = String::new();
                write!(place, "secret {secret} in {name} at {at}").expect("writing to a string");
                found.push(place);
            }
        }
        found
    }

    /// The places in all files below a directory. What is no file, such as a socket, is passed over.
    pub(crate) fn find_in_files(&self, dir: &Path) -> Vec<String> {
        let mut files = Vec::new();
        files_below(dir, &mut files);
        assert!(!files.is_empty(), "{} is empty", dir.display());
        let read = |path: &PathBuf| std::fs::read(path).expect("readable");
        files.iter().flat_map(|path| self.find(&path.display().to_string(), &read(path))).collect()
    }
}

fn files_below(dir: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(dir).expect("readable") {
        let entry = entry.expect("an entry");
        let (path, kind) = (entry.path(), entry.file_type().expect("a type"));
        if kind.is_dir() {
            files_below(&path, found);
        } else if kind.is_file() {
            found.push(path);
        }
    }
}

#[test]
fn law3_the_searcher_finds_every_form() {
    use data_encoding::{BASE32, BASE64, BASE64URL, HEXLOWER, HEXUPPER};
    let secret: Vec<u8> = (0..20).map(|n| (n * 13) ^ 0xa5).collect();
    let searcher = Searcher::new(&[vec![7; 20], secret.clone()]);
    let planted = [
        secret.clone(),
        HEXLOWER.encode(&secret).into_bytes(),
        HEXUPPER.encode(&secret).into_bytes(),
        BASE32.encode(&secret).into_bytes(),
        BASE32.encode(&secret).to_lowercase().into_bytes(),
        BASE64.encode(&secret).into_bytes(),
        BASE64URL.encode(&secret).into_bytes(),
        format!("{secret:?}").into_bytes(),
        serde_json::to_string(&secret).expect("numbers").into_bytes(),
        BASE64.encode(&[b"a".to_vec(), secret.clone(), b"more".to_vec()].concat()).into_bytes(),
        BASE64URL.encode(&[b"ab".to_vec(), secret.clone()].concat()).into_bytes(),
    ];
    for (number, form) in planted.iter().enumerate() {
        let bytes = [b"before ".to_vec(), form.clone(), b" behind".to_vec()].concat();
        assert!(!searcher.find("it", &bytes).is_empty(), "form {number} is not found");
        let mut damaged = bytes;
        damaged[7 + form.len() / 2] ^= 1;
        assert!(searcher.find("it", &damaged).is_empty(), "form {number} is found where it is not");
    }
}
